"""Options that several commands have."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from mm_core.types import NS_PER_S, InputError
from mm_venues.port import Venue
from mm_venues.registry import VENUES

ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file; deploy/config has examples.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="section.key=value over the file and MM_SECTION__KEY; repeatable.")
]

ProfileOption = Annotated[str, typer.Option("--profile", help="conservative or aggressive: what --config builds on.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over what is there.")]
SalvageOption = Annotated[
    bool, typer.Option("--salvage", help="Leave out lines of a recording that cannot be used, and count them.")
]
VenueOption = Annotated[str, typer.Option("--venue", help=f"Venue of the frames: {', '.join(VENUES)}.")]
MAX = "max"
UNITS_NS = {"ms": NS_PER_S // 1_000, "s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3_600 * NS_PER_S}
PROFILES = ("conservative", "aggressive")
# What marks a session's folder: its last file, its log, and the folders of one on the bus.
SESSION_NAMES = ("manifest.json", "log", "bus", "clickhouse", "frames", "services")
PROFILE_FOLDER = Path(__file__).parents[2] / "deploy" / "config"


def check_symbol(option: str, text: str) -> None:
    """InputError for what is no venue symbol: it becomes part of a path and of subjects of the bus."""
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9-]{0,39}", text):
        raise InputError(f"{option} {text}: expected capital letters, digits and '-', such as BTCUSDT")


def venue_option(option: str, name: str) -> Venue:
    """The venue of that name. InputError if there is none."""
    check_choice(option, name, list(VENUES))
    return VENUES[name]


def check_port(option: str, port: int | None) -> None:
    """InputError for a number that is no port."""
    if port is not None and not 0 <= port < 1 << 16:
        raise InputError(f"{option} {port}: expected a port from 0 to 65535")


def check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    """InputError for a value that is none of the choices."""
    if value not in choices:
        raise InputError(f"{option} {value}: expected {' or '.join(choices)}")


def source_files(option: str, text: str, form: str) -> list[Path]:
    """The files of `<file>[,<file>...]`. InputError names the option if one has no name."""
    if "" in text.split(","):
        raise InputError(f"{option}: expected {form}")
    return [Path(file) for file in text.split(",")]


def check_new(option: str, folder: Path | None, *, force: bool) -> None:
    """InputError, unless `force`, for a folder that holds a session, or what one left behind."""
    if folder is None or force:
        return
    if there := [name for name in SESSION_NAMES if (folder / name).exists()]:
        raise InputError(f"{option} {folder}: holds a session ({there[0]}); expected --force to write over it")


def config_files(profile: str, config: Path | None) -> list[Path]:
    """The configuration files in their order: the profile's, then --config. InputError for an unknown profile."""
    if profile and profile not in PROFILES:
        raise InputError(f"--profile {profile}: expected {' or '.join(PROFILES)}")
    files = [PROFILE_FOLDER / f"{profile}.toml"] if profile else []
    return files + ([config] if config else [])


def decimal_option(option: str, text: str) -> Decimal:
    """The decimal of an option. InputError names the option if it is no finite number."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InputError(f"{option} {text}: expected a decimal number, such as 0.01") from error
    if not value.is_finite():
        raise InputError(f"{option} {text}: expected a finite number")
    return value


def speed_option(option: str, text: str) -> float:
    """Multiple of real time, 0 for as fast as possible. InputError names the option if it is neither."""
    if text == MAX:
        return 0.0
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?x?", text) or not float(text.rstrip("x")):
        raise InputError(f"{option} {text}: expected {MAX}, or a number above 0 such as 10")
    return float(text.rstrip("x"))


def duration_option(option: str, text: str) -> int:
    """Nanoseconds of a duration such as 60s, above 0. InputError names the option."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", text)
    if not match or not Decimal(match[1]):
        raise InputError(f"{option} {text}: expected a number and a unit, such as 60s, 5m or 1h")
    return int(Decimal(match[1]) * UNITS_NS[match[2]])

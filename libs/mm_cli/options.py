"""Options that several commands have."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from mm_core.types import NS_PER_S, InputError

ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file; deploy/config has examples.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="section.key=value over the file and MM_SECTION__KEY; repeatable.")
]

ProfileOption = Annotated[str, typer.Option("--profile", help="conservative or aggressive: what --config builds on.")]
MAX = "max"
UNITS_NS = {"ms": NS_PER_S // 1_000, "s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3_600 * NS_PER_S}
PROFILES = ("conservative", "aggressive")
PROFILE_FOLDER = Path(__file__).parents[2] / "deploy" / "config"


def config_files(profile: str, config: Path | None) -> list[Path]:
    """The configuration files in their order: the profile's, then --config. InputError for an unknown profile."""
    if profile and profile not in PROFILES:
        raise InputError(f"--profile {profile}: expected {' or '.join(PROFILES)}")
    files = [PROFILE_FOLDER / f"{profile}.toml"] if profile else []
    return files + ([config] if config else [])


def service_options(files: Sequence[Path], settings: Sequence[str]) -> list[str]:
    """The same configuration as options of a service."""
    named = [("--config", str(path.resolve())) for path in files] + [("--set", setting) for setting in settings]
    return [word for option in named for word in option]


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
    """Multiple of real time, 0 for as fast as it goes. InputError names the option if it is neither."""
    if text == MAX:
        return 0.0
    if not re.fullmatch(r"\d+(\.\d+)?x?", text) or not float(text.rstrip("x")):
        raise InputError(f"{option} {text}: expected {MAX}, or a number above 0 such as 10")
    return float(text.rstrip("x"))


def duration_option(option: str, text: str) -> int:
    """Nanoseconds of a duration such as 60s, above 0. InputError names the option."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not match or not Decimal(match[1]):
        raise InputError(f"{option} {text}: expected a number and a unit, such as 60s, 5m or 1h")
    return int(Decimal(match[1]) * UNITS_NS[match[2]])

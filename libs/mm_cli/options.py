"""Options that several commands have."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from mm_core.types import InputError

ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file; deploy/config has examples.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="section.key=value over the file and MM_SECTION__KEY; repeatable.")
]

ProfileOption = Annotated[str, typer.Option("--profile", help="conservative or aggressive: what --config builds on.")]
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

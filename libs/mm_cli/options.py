"""Options that several commands have."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from mm_core.types import InputError

ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file; deploy/config has examples.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="section.key=value over the file and MM_SECTION__KEY; repeatable.")
]


def decimal_option(option: str, text: str) -> Decimal:
    """The decimal of an option. InputError names the option if it is no finite number."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InputError(f"{option} {text}: expected a decimal number, such as 0.01") from error
    if not value.is_finite():
        raise InputError(f"{option} {text}: expected a finite number")
    return value

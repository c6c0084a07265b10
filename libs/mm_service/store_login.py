"""How a process logs in to ClickHouse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mm_core.types import InputError
from mm_service.settings import StoreSettings


def open_as(options: StoreSettings, open_client: Callable[..., Any]) -> Any:
    """A client of the store that the options name."""
    password = ""
    if options.password_file:
        try:
            password = Path(options.password_file).read_text().strip()
        except OSError as error:
            raise InputError(f"[store] password_file {options.password_file}: {error.strerror}") from error
    path = Path(options.path) if options.path else None
    return open_client(path, options.url, user=options.user, password=password, database=options.database)

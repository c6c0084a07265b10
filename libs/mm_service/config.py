"""The configuration of a command or service: a TOML file, then the environment, then `--set`; the later one wins."""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from mm_core.setup.config import to_config
from mm_core.types import InputError
from mm_service.settings import Settings

ENV_PREFIX = "MM_"
ENV_SEPARATOR = "__"
_BYTES_MAX = 1 << 20


def load_config(
    paths: Path | Sequence[Path] | None, settings: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Settings:
    """The configuration of files, MM_SECTION__KEY in the environment (the process's), and section.key=value texts.

    Values are TOML, or text where they are not; numbers keep their decimals. InputError names the file or the setting
    and the key, and the nearest right key.
    """
    sections: dict[str, Any] = {}
    for path in [paths] if isinstance(paths, Path) else paths or ():
        read = _read(path)
        _located(f"{path}: ", read)
        sections |= {name: {**sections.get(name, {}), **keys} for name, keys in read.items()}
    for name, key, value in _overrides(settings, os.environ if environment is None else environment):
        section, _, entry = key.partition(".")
        merged = sections | {section: {**sections.get(section, {}), entry: _value(value)}}
        _located(f"{name}: ", merged)
        sections = merged
    return to_config(sections, Settings)


def to_toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """A configuration as a file that `load_config` reads to the same; what is None is left out, and so is absent."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items() if value is not None]
    return "\n".join(lines) + "\n"


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without MM_SECTION__KEY, for a service whose configuration is a file with everything."""
    return {
        key: value for key, value in environment.items() if not (key.startswith(ENV_PREFIX) and ENV_SEPARATOR in key)
    }


@contextmanager
def naming_origin(paths: Path | Sequence[Path] | None, settings: Sequence[str] = ()) -> Iterator[None]:
    """Let an InputError about a key (`[section] key: ..`) name the file, variable or option of its value."""
    try:
        yield
    except InputError as error:
        named = re.match(r"\[(\w+)\] (\w+)", str(error))
        where = _origins(paths, settings).get(f"{named[1]}.{named[2]}") if named else None
        raise InputError(f"{where}: {error}" if where else str(error)) from error


def _origins(paths: Path | Sequence[Path] | None, settings: Sequence[str]) -> dict[str, str]:
    """Where the value of each `section.key` comes from that is not the default's."""
    found: dict[str, str] = {}
    for path in [paths] if isinstance(paths, Path) else paths or ():
        found |= {f"{section}.{key}": str(path) for section, keys in _read(path).items() for key in keys}
    return found | {key: where for where, key, _ in _overrides(settings, os.environ)}


def _located(where: str, sections: Mapping[str, Any]) -> None:
    """Check what has been read so far; an error names its place."""
    try:
        to_config(sections, Settings)
    except InputError as error:
        raise InputError(f"{where}{error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_BYTES_MAX + 1)
        if len(data) > _BYTES_MAX:
            raise InputError(f"{path}: more than {_BYTES_MAX >> 20} MiB; expected a TOML file")
        return tomllib.loads(data.decode(), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}; expected a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: {error}; expected TOML") from error


def _overrides(settings: Sequence[str], environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield (origin, section.key, value), the environment's in name order."""
    for name in sorted(environment):
        section, separator, key = name.removeprefix(ENV_PREFIX).lower().partition(ENV_SEPARATOR)
        if name.startswith(ENV_PREFIX) and separator:
            yield name, f"{section}.{key}", environment[name]
    for setting in settings:
        key, separator, value = setting.partition("=")
        section, dot, entry = key.strip().partition(".")
        if not (separator and dot and section and entry):
            raise InputError(f"--set {setting}: expected section.key=value, such as quoter.levels=2")
        yield f"--set {setting}", key.strip(), value.strip()


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text

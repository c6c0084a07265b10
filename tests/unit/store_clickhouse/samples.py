"""Events to store: one of each type with every field filled, and a mixed log of any length."""

from collections.abc import Iterator
from typing import Any

import msgspec

from mm_core import events as e
from mm_core.events import EVENTS
from mm_store.clickhouse.tables import REASONS, TIMES

NOON_NS = 1_723_161_255_208_000_001


def value(kind: type[e.Event], name: str, annotation: Any, n: int) -> Any:
    """A value of a field that differs from `n` to `n`."""
    if name in TIMES:
        return NOON_NS + n
    if (kind, name) in REASONS:
        members = list(REASONS[kind, name])
        return int(members[n % len(members)])
    if isinstance(annotation, type) and issubclass(annotation, int) and annotation not in {int, bool}:
        return list(annotation)[n % len(list(annotation))]  # type: ignore[call-overload]
    plain: dict[Any, Any] = {
        int: -n if name == "value" else n * 7,
        float: n / 8,
        bool: bool(n % 2),
        str: f"{name} 'é' {n % 3}",
        tuple[int, ...]: tuple(range(n % 4)),
        tuple[float, ...]: (n / 2,),
        tuple[float | None, ...]: (None, n / 4),
        dict[str, float | None]: {"spread": n / 2, "none yet": None},
    }
    return plain[annotation] if annotation in plain else (n / 16 if n % 2 else None)


def sample(kind: type[e.Event], n: int) -> Any:
    """An event of a type, with every field filled."""
    fields = {field.name: value(kind, field.name, field.type, n) for field in msgspec.structs.fields(kind)}
    if "instrument_id" in fields:
        fields["instrument_id"] = "binance.BTCUSDT"
    return kind(**fields)


def log(length: int, first: int = 1) -> Iterator[tuple[int, Any]]:
    """Yield (place, event), from the place `first`, of a log that holds every type again and again."""
    for seq in range(first, length + 1):
        yield seq, sample(EVENTS[seq * 11 % len(EVENTS)], seq)

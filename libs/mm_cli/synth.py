"""`crypto-mm synth`: write a synthetic market with a known truth as recorded lines."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm_cli.options import UNITS_NS, VenueOption, duration_option, venue_option
from mm_cli.progress import progress
from mm_core.types import NS_PER_S, InputError, to_units
from mm_venues.registry import DEFAULT

if TYPE_CHECKING:
    from mm_research.synth.params import Params

UNIT_E8 = Decimal("1e-8")  # texts on the wire have 8 decimals
NS_PER_MS = 1_000_000


def run(
    out: Annotated[Path, typer.Option(help="File to write: gzipped lines `<recv_ns> <raw JSON>`.")],
    venue: VenueOption = DEFAULT,
    symbol: Annotated[str, typer.Option(help="Venue symbol.")] = "SYNTH",
    seed: Annotated[int, typer.Option(help="The same seed and parameters give the same bytes.")] = 1,
    duration: Annotated[str, typer.Option(help="Length of the market, 2s or more: 60s, 5m or 1h.")] = "60s",
    tick: Annotated[str, typer.Option(help="Tick size, in the quote currency.")] = "0.01",
    lot: Annotated[str, typer.Option(help="Lot size, in the base currency.")] = "0.0001",
    mid: Annotated[str, typer.Option(help="Mid at the start, in the quote currency.")] = "100",
    a_per_s: Annotated[float, typer.Option("--a", help="A of A exp(-k d): takers of one side, 1/s.")] = 1.2,
    k_per_tick: Annotated[float, typer.Option(help="k of A exp(-k d), d in ticks from the mid, 1/tick.")] = 0.5,
    sigma_ticks: Annotated[float, typer.Option(help="Volatility of the mid over 1 s and more, ticks / sqrt(s).")] = 1.0,
    spread_ticks: Annotated[float, typer.Option(help="Mean spread, ticks.")] = 4.0,
    levels: Annotated[int, typer.Option(help="Displayed levels a side, one a tick.")] = 50,
    size_lots: Annotated[int, typer.Option(help="Median size of a level, lots.")] = 10_000,
    start: Annotated[str, typer.Option(help="Exchange time of the start, UTC.")] = "2026-01-01T00:00:00Z",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Write a seeded synthetic market whose true A, k and volatility are known, as recorded lines of a venue."""
    from mm_research.synth.params import Params

    tick_e8 = _units("--tick", tick, UNIT_E8)
    params = Params(
        venue=venue_option("--venue", venue).name,
        symbol=symbol,
        seed=seed,
        start_ns=_start_ns(start),
        duration_ns=duration_option("--duration", duration),
        tick_e8=tick_e8,
        lot_e8=_units("--lot", lot, UNIT_E8),
        mid_ticks=_units("--mid", mid, tick_e8 * UNIT_E8) if tick_e8 > 0 else 0,
        a_per_s=a_per_s,
        k_per_tick=k_per_tick,
        sigma_ticks_sqrt_s=sigma_ticks,
        spread_ticks=spread_ticks,
        levels=levels,
        size_lots=size_lots,
    )
    _write(out, params, as_json)


def _write(out: Path, params: "Params", as_json: bool) -> None:
    from json import dumps

    from mm_research.synth.record import write

    total_ns = params.duration_ns
    with progress("synth", has_lines=total_ns >= UNITS_NS["h"]) as show:
        counts = write(out, params, lambda done_ns: show(done_ns, total_ns, ""))
    written = {
        "out": str(out),
        "bytes": out.stat().st_size,
        "depth": counts["BookDelta"],
        "snapshots": counts["BookSnapshot"],
        "trades": counts["Trade"],
        "book_tops": counts["BookTop"],
        "seconds": params.duration_ns / NS_PER_S,
        "seed": params.seed,
        "a_per_s": params.a_per_s,
        "k_per_tick": params.k_per_tick,
        "sigma_ticks_sqrt_s": params.sigma_ticks_sqrt_s,
    }
    if as_json:
        typer.echo(dumps(written))
    else:
        typer.echo("\n".join(f"{name:20} {value}" for name, value in written.items()))


def _units(flag: str, text: str, unit: Decimal) -> int:
    try:
        return to_units(text, unit)
    except ValueError as error:
        raise InputError(f"{flag}: {error}") from error


def _start_ns(text: str) -> int:
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--start {text!r}: must be a time such as 2026-01-01T00:00:00Z") from error
    if start.tzinfo is None:
        raise InputError(f"--start {text!r}: must have its time zone, such as 2026-01-01T00:00:00Z")
    return (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) * NS_PER_MS

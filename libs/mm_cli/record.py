"""`crypto-mm record`: the exchange's frames to disk for a window of time, without a bus; what cron calls."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm_cli.failures import fail_on
from mm_cli.options import ConfigOption, SetOption, VenueOption, check_symbol, duration_option, venue_option
from mm_core.types import NS_PER_S, InputError
from mm_venues.registry import DEFAULT

if TYPE_CHECKING:
    from mm_services.recorder.window import Recorded


def run(
    symbol: Annotated[str, typer.Option(help="Venue symbol, such as BTCUSDT.")],
    data: Annotated[Path, typer.Option(help="Data root: frames go to <data>/<venue>/<SYMBOL>.")],
    venue: VenueOption = DEFAULT,
    duration: Annotated[str, typer.Option(help="How long: 90s, 30m, 8h.")] = "",
    until: Annotated[str, typer.Option(help="Until this time of day in UTC, the next one: 16:00Z.")] = "",
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Record the exchange's frames, and end by itself; SIGTERM or Ctrl-C end it earlier, as well.

    Without --duration and --until it runs until then. Lost connections come back. Exit code 1 if nothing came, or
    not all that came is on disk.
    """
    chosen_venue = venue_option("--venue", venue)
    check_symbol("--symbol", symbol)
    seconds = _seconds(duration, until, datetime.now(UTC))
    import msgspec
    import uvloop

    from mm_service.config import load_config
    from mm_services.recorder.window import record

    chosen = load_config(config, settings or ())
    done = uvloop.run(record(chosen_venue, chosen.venue, symbol, data, seconds))
    if done is None or not done.frames:
        typer.echo(f"record: nothing came from {chosen.venue.ws_url}", err=True)
        raise typer.Exit(1)
    typer.echo(msgspec.json.encode(done).decode() if as_json else _text(done))
    fail_on(done.failures)


def _seconds(duration: str, until: str, now: datetime) -> float:
    """How long the window is, 0 without an end."""
    if duration and until:
        raise InputError("--duration and --until: expected one of them")
    if until:
        return _until(until, now)
    if not duration:
        return 0.0
    return duration_option("--duration", duration) / NS_PER_S


def _until(text: str, now: datetime) -> float:
    match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])Z", text)
    if not match:
        raise InputError(f"--until {text}: expected a time of day in UTC, such as 16:00Z")
    end = now.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
    return (end - now if end > now else end - now + timedelta(days=1)).total_seconds()


def _text(done: "Recorded") -> str:
    feed = done.feed
    return (
        f"recorded {done.frames:,} frames of {done.instrument_id} in {timedelta(seconds=round(done.seconds))} "
        f"to {done.folder}: {feed['depth_applied']:,} depth events, {feed['trades']:,} trades, {feed['gaps']:,} gaps, "
        f"{done.lost:,} lost connections"
    )

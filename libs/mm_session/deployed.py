"""The files of a session whose services are containers."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns

import msgspec

from mm_core.setup.config import Config
from mm_core.types import InputError
from mm_service.config import load_config
from mm_service.settings import Settings
from mm_session.before_live import defined_live, measured_offset_ns
from mm_session.sessions import Running
from mm_store.atomic import replacing
from mm_venues.defined import Defined
from mm_venues.port import Venue

# The files of a session: the chosen configuration, what was measured at its start, and its entry for the operator.
CONFIG, FOUND, INSTRUMENT, STATE = "config.toml", "session.toml", "instrument.json", "state"
# What the present session was begun with, and what was requested last.
BEGUN, REQUESTED = "begun.json", "requested.json"


def begin(
    folder: Path, venue: Venue, symbol: str, config: Path, chosen: Settings, on_new: Callable[[Defined], None]
) -> str:
    """Request instrument and clock from the venue, and write the session's configuration; what was begun.

    A present session stays, "": its log was decided with that configuration. InputError if it is another one.
    """
    text = config.read_text(encoding="utf-8")
    requested = {
        "symbol": symbol,
        "venue": chosen.venue.ws_url,
        "config": config.name,
        "content": hashlib.sha256(text.encode()).hexdigest()[:12],
    }
    _write(folder / REQUESTED, json.dumps(requested))
    if (folder / BEGUN).is_file():
        check_same(folder)
        return ""
    defined = defined_live(venue, symbol, chosen.venue)
    on_new(defined)
    _write_session(folder, venue, chosen, defined, text)
    _write(folder / BEGUN, json.dumps(requested))  # written last: a session without it is made anew
    return f"{defined.instrument.instrument_id} of {chosen.venue.ws_url}"


def check_same(folder: Path) -> None:
    """InputError unless the session that is there is the one that was requested."""
    if not (folder / BEGUN).is_file():
        raise InputError(f"{folder}: no session; expected the one that session-live or session-replay begins")
    there, requested = (json.loads((folder / name).read_text()) for name in (BEGUN, REQUESTED))
    differs = [f"{name} {there[name]}, not {requested[name]}" for name in requested if there[name] != requested[name]]
    if differs:
        raise InputError(
            f"{folder} holds a session of {there['symbol']} with {'; '.join(differs)}: two sessions cannot share "
            "a log; expected the same again, another MM_GROUP, or `docker compose --profile '*' down -v` to begin anew"
        )


def _write_session(folder: Path, venue: Venue, chosen: Settings, defined: Defined, text: str) -> None:
    name = f"{defined.instrument.instrument_id}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    urls = f"ws_url = {json.dumps(chosen.venue.ws_url)}\nrest_url = {json.dumps(chosen.venue.rest_url)}"
    lines = [f"[store]\nsession = {json.dumps(name)}", f"[venue]\n{urls}"]
    if not chosen.clock.offset_ns:
        lines.append(f"[clock]\noffset_ns = {measured_offset_ns(venue, chosen.venue)}")
    _write(folder / CONFIG, text)
    _write(folder / FOUND, "\n".join(lines) + "\n")
    _write(folder / INSTRUMENT, msgspec.json.encode(defined.instrument).decode())
    settings = load_config([folder / CONFIG, folder / FOUND])
    running = Running(
        pid=0,
        url=settings.bus.url,
        group=settings.bus.group,
        instrument=defined.instrument,
        config={each: msgspec.to_builtins(getattr(settings, each)) for each in Config.__struct_fields__},
        folder=str(folder),
        started_ns=time_ns(),
        name=name,
    )
    _write(folder / STATE / "session.json", msgspec.json.encode(running).decode())


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)

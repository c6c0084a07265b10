"""`crypto-mm deploy`: what the containers of docker-compose.yml run before the services start."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Annotated

import typer

from mm_cli.options import check_symbol
from mm_cli.summary import tell_notes
from mm_core.types import InputError

if TYPE_CHECKING:
    from mm_service.settings import Settings
    from mm_venues.defined import Defined

app = typer.Typer(help="What containers need before they start.", no_args_is_help=True, rich_markup_mode=None)
# The files of a session: the chosen configuration, what was found out at its start, and what the operator finds it by.
CONFIG, FOUND, INSTRUMENT, STATE = "config.toml", "session.toml", "instrument.json", "state"
# What the session that is there was begun with, and what was asked for last.
ASKED, WANTED = "asked.json", "wanted.json"


@app.command()
def prepare(
    folder: Annotated[Path, typer.Option(help="Where the volumes are mounted.")] = Path("volumes"),
    group: Annotated[str, typer.Option(help="Group whose log the bus holds.")] = "main",
) -> None:
    """Make the secrets that are missing, and the configuration of the servers from them."""
    from mm_service.config import load_config
    from mm_service.volumes import prepare

    made = prepare(folder, group, load_config(None).bus.sync_interval)
    typer.echo(f"prepare: new secrets: {', '.join(made)}" if made else "prepare: every secret is there")


@app.command(name="step-down")
def step_down(
    group: Annotated[str, typer.Option(help="Group whose log has another leader then.")] = "",
) -> None:
    """Let the server that leads a replicated log hand over, before it is maintained; [bus] says where the log is."""
    from mm_session.hand_over import stepped_down

    before, after, seconds = stepped_down(group)
    typer.echo(f"step-down: {before} handed over to {after} in {1_000 * seconds:.0f} ms")


@app.command()
def session(
    symbol: Annotated[str, typer.Option(help="Venue symbol, such as BTCUSDT.")],
    config: Annotated[Path, typer.Option(help="TOML file with what is decided.")],
    folder: Annotated[Path, typer.Option(help="Where the session's files are kept.")],
) -> None:
    """Ask the venue for the instrument and its clock, and write the session's configuration.

    A session that is there is kept: its log was decided with that configuration. InputError if it is another one.
    """
    check_symbol("--symbol", symbol)
    from mm_core.setup.notes import start_notes
    from mm_service.config import load_config, naming_origin
    from mm_session.before_live import defined_live

    chosen = load_config(config)
    text = config.read_text(encoding="utf-8")
    asked = {
        "symbol": symbol,
        "venue": chosen.venue.ws_url,
        "config": config.name,
        "content": hashlib.sha256(text.encode()).hexdigest()[:12],
    }
    _write(folder / WANTED, json.dumps(asked))
    if (folder / ASKED).is_file():
        _check_same(folder)
        typer.echo(f"session: {symbol} of {chosen.venue.ws_url} goes on")
        return
    defined = defined_live(symbol, chosen)
    with naming_origin(config):
        tell_notes(start_notes(chosen, defined.instrument))
    _write_session(folder, chosen, defined, text)
    _write(folder / ASKED, json.dumps(asked))  # the last one: a session without it is made anew
    typer.echo(f"session: {defined.instrument.instrument_id} of {chosen.venue.ws_url}, {config.name}")


@app.command()
def confirm(folder: Annotated[Path, typer.Option(help="Where the session's files are kept.")]) -> None:
    """Let services start only if the session that is there is the one that was asked for."""
    if not (folder / ASKED).is_file():
        raise InputError(f"{folder}: no session; expected the one that session-live or session-replay begins")
    _check_same(folder)


def _check_same(folder: Path) -> None:
    there, asked = (json.loads((folder / name).read_text()) for name in (ASKED, WANTED))
    differs = [f"{name} {there[name]}, not {asked[name]}" for name in asked if there[name] != asked[name]]
    if differs:
        raise InputError(
            f"{folder} holds a session of {there['symbol']} with {'; '.join(differs)}: two sessions cannot share "
            "a log; expected the same again, another MM_GROUP, or `docker compose --profile '*' down -v` to begin anew"
        )


def _write_session(folder: Path, chosen: "Settings", defined: "Defined", text: str) -> None:
    import msgspec

    from mm_core.setup.config import Config
    from mm_service.config import load_config
    from mm_session.before_live import measured_offset_ns
    from mm_session.sessions import Running

    name = f"{defined.instrument.instrument_id}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    venue = f"ws_url = {json.dumps(chosen.venue.ws_url)}\nrest_url = {json.dumps(chosen.venue.rest_url)}"
    lines = [f"[store]\nsession = {json.dumps(name)}", f"[venue]\n{venue}"]
    if not chosen.clock.offset_ns:
        lines.append(f"[clock]\noffset_ns = {measured_offset_ns(chosen)}")
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
    from mm_store.atomic import replacing

    with replacing(path) as temporary:
        temporary.write_text(text)

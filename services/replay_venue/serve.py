"""The replay venue as a program: recorded files behind the venue's protocol on loopback, until a signal or the end."""

import asyncio
import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import trustme
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mm_core.types import InputError
from mm_service.metrics import Metrics
from mm_service.state_folder import STATE_VARIABLE, state_folder
from mm_store.ws_lines import WsLines
from mm_venues.defined import Defined
from mm_venues.port import Replay, ReplayMarket, ReplayServer, Venue
from mm_venues.registry import DEFAULT, VENUES

HOST, PORT = "127.0.0.1", 18080
CERTIFICATE = "replay_venue.pem"
STATES = {
    "waiting": "the market begins with the first subscriber",
    "running": "the market runs",
    "held": "the market stands still until its depth snapshot is fetched",
    "ended": "every frame was sent",
}
Notify = Callable[[str], None]


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve, how fast (0: as fast as possible), and where. `tls_port` None: no TLS; ports 0: free ones.

    Each entry of `sources` belongs to the symbol at its place: the files of one recording, in order of time.
    """

    symbols: list[str]
    sources: list[list[Path]]
    venue: str = DEFAULT
    tick: str = ""
    lot: str = ""
    exchange_info: Path | None = None
    speed: float = 1.0
    host: str = HOST
    port: int = PORT
    tls_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    exit_at_end: bool = False


def serve(options: ServeOptions, notify: Notify) -> dict[str, Any]:
    """Serve until SIGINT, SIGTERM, or with `exit_at_end` the last frame; the venue's status then.

    `notify` gets a line for each address. InputError for files, addresses or certificates of no use.
    """
    _check(options)
    venue = VENUES[options.venue]
    replay = _replay(options, venue, notify)
    return uvloop.run(_serve(options, venue, replay, notify))


def _check(options: ServeOptions) -> None:
    if len(options.symbols) != len(options.sources):
        counts = f"{len(options.sources)} for {len(options.symbols)} --symbol"
        raise InputError(f"--source: {counts}; expected one --source for each --symbol, in the same order")
    if len(set(options.symbols)) != len(options.symbols):
        raise InputError(f"--symbol {', '.join(options.symbols)}: expected each symbol once")
    if len(options.symbols) > 1 and (options.tick or options.lot):
        raise InputError("--tick, --lot: of several symbols; expected --exchange-info, or neither")
    if (options.tls_cert is None) != (options.tls_key is None):
        raise InputError("--tls-cert, --tls-key: expected both, or neither for a certificate made here")
    if options.tls_cert is not None and options.tls_port is None:
        raise InputError("--tls-cert: expected --tls-port too")


def _replay(options: ServeOptions, venue: Venue, notify: Notify) -> Replay:
    """The recordings, each read once from its beginning."""
    recorded = [WsLines(paths) for paths in options.sources]
    sizes: dict[str, Any] = {"tick": options.tick, "lot": options.lot, "exchange_info": options.exchange_info}
    defined = [venue.define(symbol, lines, **sizes) for symbol, lines in zip(options.symbols, recorded, strict=True)]
    replay = venue.replay(
        [(each.instrument, lines) for each, lines in zip(defined, recorded, strict=True)], options.speed
    )
    for symbol, each in zip(options.symbols, defined, strict=True):
        notify(_described(symbol, each, has_snapshot=replay.markets[symbol].has_snapshot))
    return replay


def _described(symbol: str, defined: Defined, *, has_snapshot: bool) -> str:
    sizes = f"tick {defined.instrument.tick_size} ({defined.tick_source}), lot {defined.instrument.lot_size}"
    missing = "" if has_snapshot else "; no depth snapshot recorded: /api/v3/depth replies 503"
    return f"{symbol}: {sizes} ({defined.lot_source}){missing}"


async def _serve(options: ServeOptions, venue: Venue, replay: Replay, notify: Notify) -> dict[str, Any]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    metrics = _metrics(replay)
    async with venue.serve(replay, [web.get("/metrics", metrics)]) as server:
        await _listen(server, options, notify)
        playing, stopped = asyncio.create_task(replay.play()), asyncio.create_task(stop.wait())
        notifying = asyncio.create_task(_notify_states(replay, notify))
        await asyncio.wait([playing, stopped], return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
            if options.exit_at_end:
                await replay.settle()
            else:
                await stopped
        for task in (playing, stopped, notifying):
            task.cancel()
        return server.status()


async def _notify_states(replay: Replay, notify: Notify) -> None:
    """Notify when the market begins, stands still, continues and ends."""
    notified = ""
    while True:
        if replay.state != notified:
            notified = replay.state
            notify(STATES[notified])
        await replay.wait()


async def _listen(server: ReplayServer, options: ServeOptions, notify: Notify) -> None:
    port = await server.listen(options.host, options.port)
    notify(f"serving ws://{options.host}:{port} and http://{options.host}:{port}")
    if options.tls_port is not None:
        tls, trusted = _tls(options)
        port = await server.listen(options.host, options.tls_port, tls)
        notify(
            f"serving wss://{options.host}:{port} and https://{options.host}:{port}, certificate to trust: {trusted}"
        )


def _tls(options: ServeOptions) -> tuple[ssl.SSLContext, Path]:
    """The context of the server, and what a client has to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if options.tls_cert is not None and options.tls_key is not None:
        try:
            context.load_cert_chain(options.tls_cert, options.tls_key)
        except OSError as error:  # an ssl.SSLError is one
            reason = error.strerror or str(error)
            raise InputError(
                f"--tls-cert {options.tls_cert}, --tls-key {options.tls_key}: {reason}; expected PEM"
            ) from error
        return context, options.tls_cert
    authority = trustme.CA()
    authority.issue_cert(options.host, "localhost").configure_cert(context)
    path = state_folder() / CERTIFICATE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(str(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a folder to write to, see {STATE_VARIABLE}") from error
    return context, path


def figures(replay: Replay) -> Metrics:
    """The metrics of a venue, which is of no group."""
    metrics = Metrics("replay_venue", group="")
    metrics.gauge("clients", "Connections", lambda: len(replay.lines))
    metrics.gauge("ended", "1 when every frame was sent", lambda: replay.is_ended)
    for market in replay.markets.values():
        _add_symbol(metrics, replay, market)
    return metrics


def _metrics(replay: Replay) -> Callable[[web.Request], Any]:
    """The route of the figures."""
    metrics = figures(replay)

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return show


def _add_symbol(metrics: Metrics, replay: Replay, market: ReplayMarket) -> None:
    symbol = market.symbol
    metrics.counter("frames_published", "Frames sent on the streams", lambda: market.published, symbol=symbol)
    metrics.counter("frames_sent", "Frames sent to connections", lambda: replay.sent[symbol], symbol=symbol)
    metrics.gauge(
        "held", "1 while the market waits for its snapshot to be fetched", lambda: market.is_held, symbol=symbol
    )

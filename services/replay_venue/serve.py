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
    "ended": "every frame was said",
}
Tell = Callable[[str], None]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve, how fast (0: as fast as it goes), and where. `tls_port` None: no TLS; ports 0: free ones.

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


def serve(order: Order, tell: Tell) -> dict[str, Any]:
    """Serve until SIGINT, SIGTERM, or with `exit_at_end` the last frame; the venue's status then.

    `tell` hears in a line each what is served and where. InputError for files, addresses or certificates of no use.
    """
    _check(order)
    venue = VENUES[order.venue]
    replay = _replay(order, venue, tell)
    return uvloop.run(_serve(order, venue, replay, tell))


def _check(order: Order) -> None:
    if len(order.symbols) != len(order.sources):
        counts = f"{len(order.sources)} for {len(order.symbols)} --symbol"
        raise InputError(f"--source: {counts}; expected one --source for each --symbol, in the same order")
    if len(set(order.symbols)) != len(order.symbols):
        raise InputError(f"--symbol {', '.join(order.symbols)}: expected each symbol once")
    if len(order.symbols) > 1 and (order.tick or order.lot):
        raise InputError("--tick, --lot: of several symbols; expected --exchange-info, or neither")
    if (order.tls_cert is None) != (order.tls_key is None):
        raise InputError("--tls-cert, --tls-key: expected both, or neither for a certificate made here")
    if order.tls_cert is not None and order.tls_port is None:
        raise InputError("--tls-cert: expected --tls-port too")


def _replay(order: Order, venue: Venue, tell: Tell) -> Replay:
    """The recordings, each looked at once from its beginning."""
    recorded = [WsLines(paths) for paths in order.sources]
    sizes: dict[str, Any] = {"tick": order.tick, "lot": order.lot, "exchange_info": order.exchange_info}
    defined = [venue.define(symbol, lines, **sizes) for symbol, lines in zip(order.symbols, recorded, strict=True)]
    replay = venue.replay(
        [(each.instrument, lines) for each, lines in zip(defined, recorded, strict=True)], order.speed
    )
    for symbol, each in zip(order.symbols, defined, strict=True):
        tell(_described(symbol, each, has_snapshot=replay.markets[symbol].has_snapshot))
    return replay


def _described(symbol: str, defined: Defined, *, has_snapshot: bool) -> str:
    sizes = f"tick {defined.instrument.tick_size} ({defined.tick_source}), lot {defined.instrument.lot_size}"
    missing = "" if has_snapshot else "; no depth snapshot recorded: /api/v3/depth answers 503"
    return f"{symbol}: {sizes} ({defined.lot_source}){missing}"


async def _serve(order: Order, venue: Venue, replay: Replay, tell: Tell) -> dict[str, Any]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    metrics = _metrics(replay)
    async with venue.serve(replay, [web.get("/metrics", metrics)]) as server:
        await _listen(server, order, tell)
        playing, stopped = asyncio.create_task(replay.play()), asyncio.create_task(stop.wait())
        telling = asyncio.create_task(_tell_states(replay, tell))
        await asyncio.wait([playing, stopped], return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
            if order.exit_at_end:
                await replay.settle()
            else:
                await stopped
        for task in (playing, stopped, telling):
            task.cancel()
        return server.status()


async def _tell_states(replay: Replay, tell: Tell) -> None:
    """Say it when the market begins, stands still, goes on and ends."""
    told = ""
    while True:
        if replay.state != told:
            told = replay.state
            tell(STATES[told])
        await replay.wait()


async def _listen(server: ReplayServer, order: Order, tell: Tell) -> None:
    port = await server.listen(order.host, order.port)
    tell(f"serving ws://{order.host}:{port} and http://{order.host}:{port}")
    if order.tls_port is not None:
        tls, trusted = _tls(order)
        port = await server.listen(order.host, order.tls_port, tls)
        tell(f"serving wss://{order.host}:{port} and https://{order.host}:{port}, certificate to trust: {trusted}")


def _tls(order: Order) -> tuple[ssl.SSLContext, Path]:
    """The context of the server, and what a client has to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if order.tls_cert is not None and order.tls_key is not None:
        try:
            context.load_cert_chain(order.tls_cert, order.tls_key)
        except OSError as error:  # an ssl.SSLError is one
            reason = error.strerror or str(error)
            raise InputError(
                f"--tls-cert {order.tls_cert}, --tls-key {order.tls_key}: {reason}; expected PEM"
            ) from error
        return context, order.tls_cert
    authority = trustme.CA()
    authority.issue_cert(order.host, "localhost").configure_cert(context)
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
    metrics.gauge("ended", "1 when every frame was said", lambda: replay.is_ended)
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
    metrics.counter("frames_said", "Frames said on the streams", lambda: market.published, symbol=symbol)
    metrics.counter("frames_sent", "Frames sent to connections", lambda: replay.sent[symbol], symbol=symbol)
    metrics.gauge(
        "held", "1 while the market waits for its snapshot to be fetched", lambda: market.is_held, symbol=symbol
    )

"""What every service does besides its work: options, configuration, logs, metrics, health, the bus, a graceful stop."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pythonjsonlogger.json import JsonFormatter

from mm_bus.bus import Bus
from mm_bus.login import login_of
from mm_core.cpu import check_cpu
from mm_core.types import InputError, IntegrityError, UnavailableError
from mm_service.config import load_config
from mm_service.metrics import Metrics
from mm_service.settings import Settings
from mm_service.watchdog import UNAVAILABLE, Watchdog
from mm_wire.subjects import status_subject

log = logging.getLogger(__name__)

BAD_INPUT, INTEGRITY = 2, 3
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAG_S = 0.25
LAGS = 60  # a quarter of a minute, so that no usual scrape misses one
END_S = 8.0  # less than what a supervisor grants
LOG_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"

Stop = Callable[[], Awaitable[None]]


def exit_code(error: BaseException) -> int:
    """How a service ends with an error; 1 is a bug's."""
    codes = {InputError: BAD_INPUT, IntegrityError: INTEGRITY, UnavailableError: UNAVAILABLE}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 1)


class Service:
    """One running service: `start` of its program fills in what it does; `stopping` is set when it is to end."""

    def __init__(self, name: str, settings: Settings, options: argparse.Namespace) -> None:
        self.name = name
        self.settings = settings
        self.options = options
        self.group = settings.bus.group
        self.metrics = Metrics(name, self.group)
        self.status: Callable[[], dict[str, Any]] = dict
        self.stopping = asyncio.Event()
        self.bus = Bus()
        self.routes: list[web.RouteDef] = []
        self.metrics_port = 0
        self._stops: list[Stop] = []
        self._lags_s: deque[float] = deque([0.0], maxlen=LAGS)
        self._watchdog = Watchdog(settings.service.silent_s_max, lambda: self.bus.alive_s)

    def on_stop(self, stop: Stop) -> None:
        """Await `stop` before the bus is closed, the last one first."""
        self._stops.append(stop)

    async def run(self, start: "Start") -> None:
        """Run until a signal, or until something fails, whose exception is raised. Waits for a bus that is away."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        lag = asyncio.create_task(self._watch_lag())
        stopping = asyncio.create_task(self.stopping.wait())
        self._watchdog.start()
        runner: web.AppRunner | None = None
        try:
            if await self._is_connected(stopping):
                runner = await self._serve()
                await self._until_ended(asyncio.ensure_future(start(self)), stopping)
        finally:
            self._watchdog.end_within(END_S, 1)
            stopping.cancel()
            lag.cancel()
            for stop in reversed(self._stops):
                await stop()
            if runner is not None:
                await runner.cleanup()
            await self.bus.close()
            self._watchdog.stop()

    def _on_signal(self) -> None:
        self.stopping.set()
        self._watchdog.end_within(END_S, 1)  # the loop may be on its way into something that takes long

    async def _is_connected(self, stopping: "asyncio.Future[Any]") -> bool:
        """Wait for the bus; False if a signal comes first."""
        bus = self.settings.bus
        connecting = asyncio.create_task(self.bus.connect_until(bus.url, self.name, login_of(bus, self.name)))
        await asyncio.wait([connecting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            connecting.cancel()
            return False
        connecting.result()
        return True

    async def _until_ended(self, starting: "asyncio.Future[None]", stopping: "asyncio.Future[Any]") -> None:
        """Wait for a signal or a failure, which is raised."""
        ends: list[asyncio.Future[Any]] = [stopping, self.bus.failed]
        await asyncio.wait([starting, *ends], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            self._watchdog.started()
            await self.bus.answer(status_subject(self.group, self.name), self._answer_status)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        if self.bus.failed.done():
            self.bus.failed.result()

    async def _answer_status(self, _: Any) -> dict[str, Any]:
        return self._status()

    def _status(self) -> dict[str, Any]:
        common = {"service": self.name, "metrics_port": self.metrics_port, "bus_reconnects": self.bus.reconnects}
        return common | self.status()

    async def _serve(self) -> web.AppRunner:
        metrics = self.metrics
        metrics.gauge(
            "loop_lag_seconds", "Longest delay of the event loop in the last fifteen seconds", lambda: max(self._lags_s)
        )
        metrics.gauge("bus_connected", "1 while the bus is there", lambda: self.bus.is_connected)
        metrics.counter("bus_reconnects", "Times the bus came back", lambda: self.bus.reconnects)
        metrics.counter("bus_errors", "Errors of the connection", lambda: self.bus.errors)
        text = "Messages refused because they cannot be read"
        metrics.counter("bus_malformed", text, lambda: self.bus.malformed.count)
        app = web.Application()
        app.add_routes([web.get("/metrics", self._metrics), web.get("/healthz", self._healthz), *self.routes])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        options = self.settings.service
        site = web.TCPSite(runner, options.metrics_host, options.metrics_port)
        try:
            await site.start()
        except OSError as error:
            address = f"{options.metrics_host}:{options.metrics_port}"
            raise InputError(
                f"[service] metrics_port {address}: {os.strerror(error.errno or 0)}; expected a free port, or 0"
            ) from error
        self.metrics_port = runner.addresses[0][1]
        return runner

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.metrics), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        is_well = self.bus.is_connected and not self.bus.failed.done()
        return web.Response(
            body=msgspec.json.encode(self._status()), status=200 if is_well else 503, content_type="application/json"
        )

    async def _watch_lag(self) -> None:
        while True:
            self._watchdog.beat()
            due_s = perf_counter() + LAG_S
            await asyncio.sleep(LAG_S)
            self._lags_s.append(max(0.0, perf_counter() - due_s))


Start = Callable[[Service], Awaitable[None]]


def run_service(
    name: str,
    start: Start,
    add_options: Callable[[argparse.ArgumentParser], None] = lambda _: None,
) -> None:
    """Run the program `name` of this process: its `start(service)` begins its work and returns.

    Ends with exit code 0 after a signal; with one line and 2 after bad input, 3 where stored data is not what was
    written, 75 where something outside is away (to be started again); with a traceback and 1 after a bug.
    """
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument(
        "--config", type=Path, action="append", default=[], help="TOML file; repeatable, the later wins"
    )
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    add_options(parser)
    options = parser.parse_args()
    try:
        check_cpu(os.environ.get("NUMBA_CPU_NAME"))
        settings = load_config(options.config, options.set)
        set_up_logs(name, settings.service.log_level)

        async def main() -> None:
            await Service(name, settings, options).run(start)

        uvloop.run(main())
    except (InputError, IntegrityError, UnavailableError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(exit_code(error))


def set_up_logs(service: str, level: str) -> None:
    """One JSON object a line on stderr. InputError for an unknown level."""
    names = ("debug", "info", "warning", "error")
    if level not in names:
        raise InputError(f"[service] log_level {level}: expected one of {', '.join(names)}")
    handler = logging.StreamHandler()
    renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
    handler.setFormatter(JsonFormatter(LOG_FIELDS, rename_fields=renamed, static_fields={"service": service}))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)

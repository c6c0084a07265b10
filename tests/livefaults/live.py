"""A live paper session on a venue of the test's own, whose log is followed while it runs."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic

import msgspec
from nats.aio.msg import Msg
from tests.livefaults.venue import SYMBOL, MarketVenue
from tests.session import CONFIG, service_pid, session

from mm_bus.bus import Bus
from mm_bus.log_poller import LogPoller
from mm_bus.settings import BusSettings
from mm_core.events import AnyEvent
from mm_session.sessions import Running
from mm_wire.chain import Record
from mm_wire.codec import decode

CLOCK, CLOCK_FILE = Path(__file__).parent / "clock", "clock.txt"
POLL_S = 0.05
START_S_MAX = 120.0  # the first start on a machine compiles
END_S_MAX = 120.0
DECIDES = (
    *("quoter.strategy=fixed_spread", "fixed_spread.half_spread_ticks=2.0", "book.stale_ms=5000"),
    *("signals.volatility_half_life_s=1.0", "risk.loss_session_max_quote=1000"),
)


class _Poller(LogPoller):
    """As its parent. `stored_ns`: when the server stored the event that is received."""

    stored_ns = 0

    async def _take(self, message: Msg) -> None:
        stored = datetime.fromisoformat((message.headers or {})["Nats-Time-Stamp"])
        self.stored_ns = int(stored.timestamp() * 1e6) * 1_000
        await super()._take(message)


class LiveSession:
    """A session that runs. `events` is its log so far, `stored_ns` when the server stored each event."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.events: list[AnyEvent] = []
        self.stored_ns: list[int] = []
        self.out = folder / "out"
        self._clock = folder / CLOCK_FILE
        self._process = process
        self._bus = Bus()
        self._poller: _Poller
        self._grew = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        """True once the process has ended."""
        return self._process.poll() is not None

    def count(self, kind: type[AnyEvent]) -> int:
        """How many events of a kind there are so far."""
        return sum(isinstance(event, kind) for event in self.events)

    async def until(self, condition: Callable[[], object], timeout_s: float) -> bool:
        """Wait for something that an event of the log brings; False if it does not come, or the session ends."""
        until_s = monotonic() + timeout_s
        while not condition():
            if self.has_ended or monotonic() > until_s:
                return False
            self._grew.clear()
            with contextlib.suppress(TimeoutError):  # the end of the process is no event of the log
                async with asyncio.timeout(POLL_S):
                    await self._grew.wait()
        return True

    def pid(self, service: str) -> int:
        """The process of a service."""
        pid = service_pid(self._process.pid, service)
        assert pid, f"{service} does not run"
        return pid

    @contextmanager
    def frozen(self, service: str) -> Iterator[None]:
        """A service that stands still while the block runs."""
        pid = self.pid(service)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill(self, service: str) -> None:
        """Kill a service; the session starts it again."""
        os.kill(self.pid(service), signal.SIGKILL)

    def step_clock(self, seconds: int) -> None:
        """Put the recorder's wall clock so far ahead."""
        part = self._clock.with_suffix(".part")
        part.write_text(str(seconds))
        part.replace(self._clock)

    async def end(self) -> tuple[int, str, str]:
        """Interrupt it as a user does, if it runs; exit code and what it printed."""
        await self.stop_following()
        if not self.has_ended:
            self._process.send_signal(signal.SIGINT)
        out, err = await asyncio.to_thread(self._process.communicate, timeout=END_S_MAX)
        return self._process.returncode, out, err

    async def follow(self, state: Path) -> None:
        """Begin to read its log, once it is listed in `state`."""
        found = await self._listed(state)
        await self._bus.connect(found.url, "test", found.login(BusSettings()))
        self._poller = _Poller(self._bus, found.group, self._on_record)
        await self._poller.start()

    async def stop_following(self) -> None:
        """Read no more of its log."""
        await self._bus.close()

    async def _on_record(self, record: Record) -> None:
        if record.is_fence:
            return
        self.stored_ns.append(self._poller.stored_ns)
        self.events.append(decode(record.data))
        self._grew.set()

    async def _listed(self, state: Path) -> Running:
        until_s = monotonic() + START_S_MAX
        while not (path := state / f"{self._process.pid}.json").exists() or not path.stat().st_size:
            if self.has_ended:
                raise AssertionError(f"the session did not start: {self._process.communicate()[1][-2000:]}")
            assert monotonic() < until_s, "the session does not start"
            await asyncio.sleep(POLL_S)
        return msgspec.json.decode(path.read_bytes(), type=Running)


@asynccontextmanager
async def live(venue: MarketVenue, folder: Path, *settings: str) -> AsyncIterator[LiveSession]:
    """A session that is followed while the block runs; its processes and its files' folder are `folder`'s."""
    given = [f"venue.ws_url=ws://{venue.url}", f"venue.rest_url=http://{venue.url}", *DECIDES, *settings]
    arguments = ["paper", "--source", "live", "--symbol", SYMBOL, "--config", str(CONFIG), "--out", str(folder / "out")]
    options = [option for setting in given for option in ("--set", setting)]
    state = folder / "state"
    (folder / CLOCK_FILE).write_text("0")
    clock = ["env", f"PYTHONPATH={CLOCK}", f"TEST_WALL_CLOCK_FILE={folder / CLOCK_FILE}"]
    with session([*clock, sys.executable, "-m", "mm_cli", *arguments, "--json", *options], state) as process:
        running = LiveSession(process, folder)
        try:
            await running.follow(state)
            yield running
        finally:
            await running.stop_following()


def now_ns() -> int:
    """The time of venue and session, which share this machine's clock."""
    return time.time_ns()

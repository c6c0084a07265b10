"""What a venue is to those who know none by name: a `Venue` of the registry, and what it gives."""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from mm_core.events import InstrumentDefined, MarketEvent, RootEvent
from mm_venues.client_counts import ClientCounts
from mm_venues.defined import Defined
from mm_venues.feed_counts import FeedCounts
from mm_venues.frame_error import FrameError
from mm_venues.settings import VenueSettings

FramePort = Callable[[int, bytes], object]  # takes a frame and its receive time, ns; FrameError for a bad one


class VenueAwayError(Exception):
    """The venue, or the way to it, does not answer as it should; trying again can help, after `retry_s`."""

    def __init__(self, message: str, retry_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class ClockOffset(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's clock minus ours, and the round trip of the request that measured it: the error is at most half."""

    offset_ns: int
    rtt_ns: int


class Frames(Protocol):
    """Recorded frames with their receive times, ns; they can be read again from the beginning."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """The frames in their order."""

    @property
    def where(self) -> str:
        """The place of the frame read last."""

    def located(self) -> AbstractContextManager[None]:
        """Turn a FrameError inside the block into an InputError that names the place."""

    def refuse(self, error: FrameError) -> None:
        """The frame read last is bad: InputError that names the place, unless it may be left out."""


class Feed(Protocol):
    """Frames of one instrument to root events in the order of the log; pure. `root_seq` and `local_ns` stay 0.

    What the caller is to do: fetch a snapshot while `needs_snapshot`, connect anew while there is a `reconnect_reason`,
    request the definition while `needs_definition`, and end the session once there is a `definition_changed`; then the
    feed takes nothing more, and `new_instrument` is what a new session begins with.
    """

    reconnect_reason: str
    needs_definition: bool
    definition_changed: str
    new_instrument: InstrumentDefined | None

    @property
    def needs_snapshot(self) -> bool:
        """Whether a snapshot would help."""

    @property
    def instrument(self) -> InstrumentDefined:
        """As the venue defined it last."""

    @property
    def is_valid(self) -> bool:
        """True while the book is proven, in time, and traded."""

    @property
    def epoch(self) -> int:
        """The number of the book's life: a new one begins with each loss of the proof."""

    @property
    def first_contradiction(self) -> str:
        """What spoke first against the rebuilt book; empty if nothing did."""

    @property
    def lag_ns(self) -> int:
        """How much later than usual the last depth event came."""

    def feed(self, recv_ns: int, frame: bytes) -> list[RootEvent]:
        """The events that a frame leads to; FrameError, and no change, if it is a bad frame."""

    def counts(self) -> FeedCounts:
        """Everything counted so far."""


class Client(Protocol):
    """The live market data of one symbol, as one series of frames."""

    counts: ClientCounts

    async def run(self) -> None:
        """Connect, and again whenever the connection is lost, until cancelled. InputError for an unknown symbol."""

    def request_snapshot(self) -> None:
        """Fetch a snapshot though the feed needs none."""


class Connection(Protocol):
    """A connection to a venue; one for all clients of a process, so that they share its limits."""

    async def define(self, symbol: str) -> Defined:
        """The instrument as the venue defines it now. InputError for an unknown symbol; VenueAwayError."""

    async def clock_offset(self) -> ClockOffset:
        """What has to be added to our clock to give the venue's. VenueAwayError."""

    def client(self, symbol: str, feed: Callable[[], Feed], port: FramePort) -> Client:
        """A client that hands frames to `port` and does what `feed` needs."""


class FrameWriter(Protocol):
    """Writes events of one instrument as the venue's frames."""

    def frame(self, event: MarketEvent) -> bytes:
        """What the venue would send for it."""


class Rejoin(Protocol):
    """A recorded market that is taken up in its middle: follows a feed's events up to the place."""

    def take(self, events: Iterable[RootEvent]) -> None:
        """What the feed makes of the next frame."""

    def snapshot(self) -> bytes:
        """The frame that the venue would give as a snapshot there; empty without a proven book."""


class ReplayMarket(Protocol):
    """One symbol of a replay."""

    published: int

    @property
    def symbol(self) -> str:
        """The venue's name of it."""

    @property
    def has_snapshot(self) -> bool:
        """Whether a depth snapshot was recorded."""

    @property
    def is_held(self) -> bool:
        """True while it stands still until its snapshot is fetched."""


class Replay(Protocol):
    """Recorded markets that run at their time: `state` is waiting, running, held or ended."""

    sent: dict[str, int]
    is_ended: bool

    @property
    def lines(self) -> Sequence[Any]:
        """The connections."""

    @property
    def markets(self) -> Mapping[str, ReplayMarket]:
        """By symbol."""

    @property
    def state(self) -> str:
        """One of waiting, running, held, ended."""

    async def play(self) -> None:
        """Everything once. InputError, naming the line, for a frame that is none."""

    async def settle(self) -> None:
        """Wait until all connections have read what was sent."""

    async def wait(self) -> None:
        """Wait for a change of anything here."""


class ReplayServer(Protocol):
    """The venue's own protocol on sockets of ours."""

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Serve there; the port."""

    def status(self) -> dict[str, Any]:
        """Where it is."""


class Venue(Protocol):
    """One venue: everything of it that others may use."""

    name: str

    def new_feed(self, instrument: InstrumentDefined) -> Feed:
        """A feed from its beginning."""

    def define(
        self, symbol: str, frames: Frames, *, tick: str = "", lot: str = "", exchange_info: Path | None = None
    ) -> Defined:
        """The instrument of recorded frames. InputError for sizes of no use, or nothing to infer them from."""

    def frame_writer(self, instrument: InstrumentDefined) -> FrameWriter:
        """What writes a synthetic market as the venue's frames. ValueError for sizes that they cannot hold."""

    def rejoin(self, instrument: InstrumentDefined) -> Rejoin:
        """What takes a recording up in its middle."""

    def connect(
        self, settings: VenueSettings, clock_ns: Callable[[], int] | None = None
    ) -> AbstractAsyncContextManager[Connection]:
        """Open the way to the venue."""

    def replay(self, recordings: Sequence[tuple[InstrumentDefined, Frames]], speed: float) -> Replay:
        """Recordings that run together, `speed` times as fast as they were made; 0: as fast as possible."""

    def serve(self, replay: Replay, routes: Sequence[Any]) -> AbstractAsyncContextManager[ReplayServer]:
        """Speak the venue's protocol for a replay, with more routes of HTTP."""

"""One symbol's recorded frames as its market: what is sent on which stream, and what REST knows of it now. Pure.

Rules:
1. A frame is sent on the stream of its name, its payload byte for byte; a recording without stream names has those of
   its events. `@depth` is merged from `@depth@100ms` where it is not recorded. Control frames are not sent.
2. The book is known from a recorded snapshot on, and void behind a hole in the update ids until the next one.
3. A snapshot that makes the book known is held: until `release`, REST answers its recorded bytes. The market should
   stand still meanwhile. A recording that begins with its snapshot is held behind its first diff: a client that
   follows the rules requests it only after one.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from mm_core.events import InstrumentDefined
from mm_venues.binance import wire
from mm_venues.binance.parse import to_ns
from mm_venues.binance.venue.merge import SecondDiffs
from mm_venues.binance.venue.text_book import TextBook, snapshot_body
from mm_venues.frame_error import FrameError

FAST_DEPTH, SLOW_DEPTH = "depth@100ms", "depth"
TRADES_MAX = 1_000
_CHANNELS = {"depthUpdate": FAST_DEPTH, "trade": "trade", "aggTrade": "aggTrade"}


class _Timed(msgspec.Struct):
    """An event's time, of the events that have one."""

    event_time: int = msgspec.field(name="E", default=0)


_envelope = msgspec.json.Decoder(wire.Envelope)
_timed = msgspec.json.Decoder(_Timed)
_depth = msgspec.json.Decoder(wire.Depth)
_snapshot = msgspec.json.Decoder(wire.DepthSnapshot)


class Sent(NamedTuple):
    """A frame of a stream: the payload, and the frame of a combined stream around it."""

    stream: str
    payload: bytes
    combined: bytes


class Ahead(NamedTuple):
    """What is known before the market opens: the first receive time, how far E is ahead of it, the first snapshot."""

    first_ns: int = 0
    skew_ns: int = 0
    snapshot: bytes = b""


def look_ahead(frames: Iterable[tuple[int, bytes]]) -> Ahead:
    """Read frames up to the first event with a time and the first snapshot. FrameError for a frame that is neither."""
    first_ns = event_ns = skew_ns = 0
    snapshot = b""
    for recv_ns, frame in frames:
        first_ns = first_ns or recv_ns
        envelope = decode(frame)
        if envelope.last_update_id is not msgspec.UNSET and not envelope.stream:
            snapshot = snapshot or frame.rstrip()
        elif not event_ns and (event_ns := _event_ns(envelope.data if envelope.stream else frame)):
            skew_ns = event_ns - recv_ns
        if snapshot and event_ns:
            break
    return Ahead(first_ns, skew_ns, snapshot)


def decode(frame: bytes) -> wire.Envelope:
    """What kind of frame it is. FrameError if it is no JSON object."""
    try:
        return _envelope.decode(frame)
    except msgspec.DecodeError as error:
        raise FrameError(f"frame: {error}") from error


def _event_ns(body: bytes | msgspec.Raw) -> int:
    try:
        event_time = _timed.decode(body).event_time
        return to_ns(event_time) if event_time else 0
    except (msgspec.DecodeError, ValueError) as error:
        raise FrameError(f"event: {error}") from error


class Market:
    """The market of one instrument. Frames go in one after the other; `ahead` is what `look_ahead` found in them."""

    def __init__(self, instrument: InstrumentDefined, ahead: Ahead) -> None:
        self.instrument = instrument
        self.ahead = ahead
        self.published = 0
        self.top: dict[str, Any] = {}
        self.trades: deque[dict[str, Any]] = deque(maxlen=TRADES_MAX)
        self._name = instrument.venue_symbol.lower()
        self._book = TextBook()
        self._seconds: SecondDiffs | None = SecondDiffs()
        self._held = b""
        self._is_diff_sent = False
        self._is_fetched = False  # the snapshot that comes next
        self._is_begun = False

    @property
    def symbol(self) -> str:
        """The venue's name of it."""
        return self.instrument.venue_symbol

    @property
    def has_snapshot(self) -> bool:
        """Whether a depth snapshot was recorded."""
        return bool(self.ahead.snapshot)

    @property
    def update_id(self) -> int:
        """The id of the book, -1 before there is one."""
        return self._book.update_id

    @property
    def depth_streams(self) -> tuple[str, str]:
        """The streams from which a client builds a book."""
        return f"{self._name}@{FAST_DEPTH}", f"{self._name}@{SLOW_DEPTH}"

    @property
    def is_held(self) -> bool:
        """True while a snapshot waits for being fetched."""
        return bool(self._held) and self._is_diff_sent

    def release(self) -> None:
        """The held snapshot was fetched, or nobody needs it."""
        self._held = b""

    def snapshot(self, limit: int) -> bytes | None:
        """The body of a REST snapshot; None while there is no book."""
        if self._held:
            return _limited(self._held, limit)
        if self._book.is_known:
            return self._book.snapshot(limit)
        if self._is_begun or not self.ahead.snapshot:
            return None
        self._is_fetched = True
        return _limited(self.ahead.snapshot, limit)

    def take(self, recv_ns: int, frame: bytes) -> list[Sent]:
        """What the streams send with the next recorded frame. FrameError for a frame that is none of Binance's."""
        self._is_begun = True
        frame = frame.rstrip()
        envelope = decode(frame)
        try:
            sent = self._second() if self._seconds and self._seconds.is_due(recv_ns) else []
            if envelope.stream:
                sent += self._on_frame(recv_ns, envelope.stream.partition("@")[2], bytes(envelope.data), frame)
            elif envelope.last_update_id is not msgspec.UNSET:
                self._on_snapshot(frame)
            elif channel := self._channel(envelope):
                sent += self._on_frame(recv_ns, channel, frame, b"")
            if self.is_held:
                sent += self._second()  # or who subscribed only to those of a second would request none
        except (msgspec.DecodeError, ValueError) as error:
            raise FrameError(f"frame of {self.symbol}: {error}") from error
        self.published += len(sent)
        return sent

    def end(self) -> list[Sent]:
        """What is left to send after the last frame."""
        return self._second()

    def _channel(self, envelope: wire.Envelope) -> str:
        """The channel of a frame that came without its stream's name, by the fields it has; none for what is ours."""
        return "bookTicker" if envelope.bid_quantity is not msgspec.UNSET else _CHANNELS.get(envelope.event, "")

    def _on_frame(self, recv_ns: int, channel: str, payload: bytes, combined: bytes) -> list[Sent]:
        stream = f"{self._name}@{channel}"
        if channel in {FAST_DEPTH, SLOW_DEPTH}:
            self._on_diff(recv_ns, channel, _depth.decode(payload))
        elif channel == "trade":
            self.trades.append(msgspec.json.decode(payload))
        elif channel == "bookTicker":
            self.top = msgspec.json.decode(payload)
        return [Sent(stream, payload, combined or wrapped(stream, payload))]

    def _on_diff(self, recv_ns: int, channel: str, diff: wire.Depth) -> None:
        if diff.symbol != self.symbol:
            raise ValueError(f"symbol {diff.symbol}; expected {self.symbol}")
        self._is_diff_sent = True
        self._book.apply(diff)
        if channel == SLOW_DEPTH:
            self._seconds = None
        elif self._seconds is not None:
            self._seconds.add(recv_ns, diff)

    def _on_snapshot(self, frame: bytes) -> None:
        was_known = self._book.is_known
        self._book.replace(_snapshot.decode(frame))
        if self._book.is_known and not was_known:
            self._held = b"" if self._is_fetched else frame
            self._is_fetched = False

    def _second(self) -> list[Sent]:
        payload = self._seconds.take() if self._seconds else None
        stream = self.depth_streams[1]
        return [] if payload is None else [Sent(stream, payload, wrapped(stream, payload))]


def wrapped(stream: str, payload: bytes) -> bytes:
    """A payload as the combined stream sends it."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), payload)


def _limited(body: bytes, limit: int) -> bytes:
    """A recorded snapshot, byte for byte where it has no more levels than that."""
    snapshot = _snapshot.decode(body)
    if max(len(snapshot.bids), len(snapshot.asks)) <= limit:
        return body
    return snapshot_body(snapshot.update_id, snapshot.bids[:limit], snapshot.asks[:limit])

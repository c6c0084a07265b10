"""One connection to the venue's streams: its frames, which streams have sent any, and why it ended."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mm_venues.binance import wire
from mm_venues.settings import VenueSettings

OPEN_S_MAX = 10.0
CLOSE_S_MAX = 1.0
FRAME_BYTES_MAX = 4 << 20
_FRAMES_WAITING_MAX = 256  # then the socket is not read any more
_SHUTDOWN_BYTES_MAX = 200
# What our side closes with: no pong came, a frame was too big.
_KEEPALIVE_LOST, _TOO_BIG = 1011, 1009
_POLICY = 1008

_envelope = msgspec.json.Decoder(wire.Envelope)


class Ended(NamedTuple):
    """Why a connection ended: its kind, and the reason in full."""

    kind: str
    reason: str


def connecting(url: str, silence_s_max: float) -> connect:
    """The handshake, to be awaited. Pings go out by themselves."""
    return connect(
        url,
        compression=None,
        open_timeout=OPEN_S_MAX,
        close_timeout=CLOSE_S_MAX,
        ping_interval=silence_s_max / 2,
        ping_timeout=silence_s_max / 2,
        max_size=FRAME_BYTES_MAX,
        max_queue=_FRAMES_WAITING_MAX,
    )


class Link:
    """An open connection; `reading` ends with the reason when it does. `take` gets each frame.

    `leaving` is set when the venue has announced that it will close it.
    """

    def __init__(
        self, socket: ClientConnection, endpoints: VenueSettings, streams: Sequence[str], take: Callable[[bytes], None]
    ) -> None:
        self.frames = 0
        self.began_s = time.monotonic()
        self.silent = list(streams)  # that have sent no frame yet
        self.active: list[str] = []
        self.progress = asyncio.Event()  # another stream has sent its first frame
        self.leaving = asyncio.Event()
        self._socket = socket
        self._silence_s_max = endpoints.silence_s_max
        self._hand_over = take
        self._ending: Ended | None = None
        self.reading = asyncio.create_task(self._read())

    @property
    def is_ended(self) -> bool:
        """True if no frame of it is taken any more."""
        return self._ending is not None or self.reading.done()

    def end(self, kind: str, reason: str) -> None:
        """Cut it; what it has received and we have not taken is dropped."""
        if self._ending is None:
            self._ending = Ended(kind, reason)
            self._socket.transport.abort()

    async def close(self) -> None:
        """End it politely; frames that come meanwhile are dropped."""
        self._ending = self._ending or Ended("stopped", "stopped")
        await self._socket.close()

    def expect(self, stream: str) -> None:
        """Wait anew for a frame of this stream."""
        if stream not in self.silent:
            self.silent.append(stream)

    async def _read(self) -> Ended:
        try:
            while self._ending is None:
                frame = await self._socket.recv(decode=False)
                if self._ending is None:
                    self._take(frame)
        except ConnectionClosed as error:
            return self._ending or self._why(error)
        return self._ending

    def _take(self, frame: bytes) -> None:
        if self.silent:
            self._note_stream(frame)
        self._hand_over(frame)
        self.frames += 1
        if len(frame) < _SHUTDOWN_BYTES_MAX and b'"serverShutdown"' in frame:
            self.leaving.set()

    def _note_stream(self, frame: bytes) -> None:
        """Move the stream of a frame from the silent ones to the active ones."""
        with contextlib.suppress(msgspec.DecodeError):  # the port reports it
            stream = _envelope.decode(frame).stream
            if stream in self.silent:
                self.silent.remove(stream)
                self.active.append(stream)
                self.progress.set()

    def _why(self, error: ConnectionClosed) -> Ended:
        if error.rcvd is not None and error.rcvd_then_sent is not False:
            kind = "policy" if error.rcvd.code == _POLICY else "closed"
            return Ended(kind, f"closed by the venue: {error.rcvd.code} {error.rcvd.reason}".rstrip())
        if error.sent is not None and error.sent.code == _KEEPALIVE_LOST:
            return Ended("silent", f"silent for {self._silence_s_max:g} s")
        if error.sent is not None and error.sent.code == _TOO_BIG:
            return Ended("oversized", f"a frame of more than {FRAME_BYTES_MAX >> 20} MiB")
        return Ended("lost", f"connection lost: {error}")

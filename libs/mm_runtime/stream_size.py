"""How large the stream of a log is on the bus, asked now and then."""

import asyncio

from mm_runtime.bus import Bus, until_available
from mm_wire.subjects import stream

ASK_S = 5.0


class StreamSize:
    """Bytes of a group's stream, and the first sequence that it still holds, as the server told last."""

    def __init__(self, bus: Bus, group: str, bytes_max: int) -> None:
        self.bytes = self.first_seq = 0
        self.bytes_max = bytes_max
        self._bus = bus
        self._stream = stream(group)
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to ask; the stream must be there."""
        self._work = self._bus.begin(self._ask())

    async def stop(self) -> None:
        """Ask no more."""
        if self._work is not None:
            self._work.cancel()

    async def _ask(self) -> None:
        while True:
            info = await until_available(lambda: self._bus.jetstream.stream_info(self._stream))
            self.bytes, self.first_seq = int(info.state.bytes), int(info.state.first_seq)
            await asyncio.sleep(ASK_S)

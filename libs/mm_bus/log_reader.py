"""Reads a group's log in its order, without holes and without repeats, however often the connection is lost.

One ordered push consumer with several filters: when a message is missing (by the consumer's own numbering), its
heartbeat fails, or the connection came back, the consumer is made anew behind the last event that was received.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from mm_bus.bus import Bus, until_available
from mm_bus.label import Label
from mm_bus.log_check import NAME, check_log
from mm_bus.malformed import MalformedError
from mm_wire.subjects import log_subjects, stream

log = logging.getLogger(__name__)

HEARTBEAT_S = 0.5
HEARTBEATS_MISSED = 4
INACTIVE_S = 10.0
STATUS = "Status"
# Takes (sequence, label, data) of an event.
OnEvent = Callable[[int, Label, bytes], Awaitable[None]]


class LogReader:
    """Receives the events of some subjects of a log (none: all) from `next_seq` on, one after the other, as they come.

    `on_event` must not wait for something that comes over the bus. `read_seq` and `read_name` are those of the
    last event that was delivered. IntegrityError if the log, when the connection comes back, is not the one that
    was read: it ends before, misses messages, or holds another one there.
    """

    def __init__(
        self,
        bus: Bus,
        group: str,
        subjects: Sequence[str],
        on_event: OnEvent,
        next_seq: int = 1,
        read_seq: int = 0,
        read_name: str = "",
    ) -> None:
        self.next_seq = next_seq
        self.read_seq, self.read_name = read_seq, read_name
        self.pending = 0  # events that the server has for us, when it sent the last one
        self.resets = 0
        self._bus = bus
        self._group = group
        self._stream = stream(group)
        self._subjects = list(subjects) or log_subjects(group)
        self._deliver = on_event
        self._subscription: Any = None
        self._consumer_seq = 0
        self._alive_s = 0.0
        self._resetting = asyncio.Lock()
        self._delivering = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self._reset_task: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        """Begin; the stream must be there."""
        self._bus.on_reconnect(self._reset)
        await self._reset()
        self._watch = self._bus.begin(self._watch_heartbeat())

    async def stop(self) -> None:
        """Receive no more."""
        self._stopped = True
        for task in (self._watch, self._reset_task):
            if task is not None:
                task.cancel()
        await self._unsubscribe()

    async def _unsubscribe(self) -> None:
        """Ends the subscription's task too, wherever it is: only at the end while an event is delivered."""
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            if not self._bus.client.is_closed:
                await subscription.unsubscribe()

    async def _reset(self) -> None:
        """A new consumer behind the last event that was received."""
        async with self._resetting:
            async with self._delivering:
                await self._unsubscribe()
            if self._stopped:
                return
            self.resets += 1
            self._consumer_seq = 0
            await check_log(self._bus, self._group, self.next_seq, self.read_seq, self.read_name)
            inbox = self._bus.client.new_inbox()
            config = ConsumerConfig(
                deliver_subject=inbox,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=self.next_seq,
                filter_subjects=self._subjects or None,
                ack_policy=AckPolicy.NONE,
                max_deliver=1,
                flow_control=True,
                idle_heartbeat=HEARTBEAT_S,
                inactive_threshold=INACTIVE_S,
                mem_storage=True,
                num_replicas=1,
            )
            self._subscription = await self._bus.subscribe(inbox, self._on_message(inbox), at_once=True)
            await until_available(lambda: self._bus.jetstream.add_consumer(self._stream, config))
            self._alive()

    def _again(self) -> None:
        """Reset from inside a callback, which the reset would wait for."""
        if self._reset_task is None or self._reset_task.done():
            self._reset_task = self._bus.begin(self._reset())

    @property
    def _is_busy(self) -> bool:
        """True while what comes from the server waits for us."""
        is_delivering = self._delivering.locked() or (
            self._subscription is not None and self._subscription.pending_msgs > 0
        )
        return is_delivering or self._resetting.locked()

    def _alive(self) -> None:
        self._alive_s = asyncio.get_running_loop().time()

    def _on_message(self, inbox: str) -> Callable[[Msg], Awaitable[None]]:
        async def on_message(message: Msg) -> None:
            async with self._delivering:
                if self._subscription is None or self._subscription.subject != inbox:
                    return  # of a consumer that was given up
                if message.headers and STATUS in message.headers:
                    await self._on_status(message)
                else:
                    await self._on_event(message)
                self._alive()

        return on_message

    async def _on_status(self, message: Msg) -> None:
        headers = message.headers or {}
        if message.reply:  # flow control: replied to when everything before it has been delivered
            await self._bus.publish(message.reply, b"")
        elif stalled := headers.get("Nats-Consumer-Stalled"):
            await self._bus.publish(stalled, b"")
        elif int(headers.get("Nats-Last-Consumer", self._consumer_seq)) != self._consumer_seq:
            log.warning("events of the log were lost on the way to us: reading again from %d", self.next_seq)
            self._again()

    async def _on_event(self, message: Msg) -> None:
        seq, consumer_seq, self.pending = _place(message)
        if consumer_seq != self._consumer_seq + 1:
            log.warning("event %d is missing: reading again", self.next_seq)
            self._again()
            return
        self._consumer_seq = consumer_seq
        assert seq >= self.next_seq, f"event {seq} of the log came after {self.next_seq - 1}"
        self.next_seq = seq + 1
        await self._deliver(seq, Label.of(message.headers), message.data)
        self.read_seq, self.read_name = seq, (message.headers or {}).get(NAME, "")

    async def _watch_heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self._is_busy or not self._bus.is_connected:
                self._alive()
            silent_s = asyncio.get_running_loop().time() - self._alive_s
            if silent_s > HEARTBEATS_MISSED * HEARTBEAT_S:
                log.warning("the log was silent for %.1f s: reading again from %d", silent_s, self.next_seq)
                await self._reset()


def _place(message: Msg) -> tuple[int, int, int]:
    """The sequence of an event, its number among those of our consumer, and how many wait behind it."""
    # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
    try:
        fields = message.reply.split(".")
        return int(fields[5]), int(fields[6]), int(fields[8])
    except (IndexError, ValueError) as error:
        raise MalformedError("no event of the log") from error

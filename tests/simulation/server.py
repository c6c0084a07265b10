"""A nats-server of a simulation: who subscribes to what, streams and their consumers, and the API of JetStream.

A message into a stream is stored some time after it came, a request to the API is answered some time after, and a
consumer sends what is stored some time after that: each waits in a queue of its own.
"""

import json
from collections import deque
from typing import Any

from tests.simulation.connection import INBOX, Connection, inbox_of
from tests.simulation.loop import Process
from tests.simulation.stream import NO_MESSAGE, NO_STREAM, REFUSED, TIME, Stored, Stream, as_json, error, matches
from tests.simulation.world import Queue, World

API = "$JS.API."
STORED_OPTIONS = ("max_msgs_per_subject", "allow_direct")


class Consumer:
    """An ordered push consumer of one stream: sends what is stored to one subject, and a heartbeat when it is idle."""

    def __init__(self, server: "Server", stream: Stream, name: str, config: dict[str, Any]) -> None:
        self.stream = stream
        self.name = name
        self.subject = str(config["deliver_subject"])
        self.is_open = True
        self._server = server
        self._filters = config.get("filter_subjects") or [config.get("filter_subject") or ">"]
        self._sent = 0
        self._start_seq = int(config.get("opt_start_seq") or 1)
        self._sent_seq = self._start_seq - 1
        self._is_idle = True
        self._unsent: deque[Stored] = deque()
        self._queue = Queue(server.world, f"consumer {name}", self)
        self._heartbeat_s = float(config.get("idle_heartbeat") or 0) / 1e9
        for stored in stream.messages.values():
            self.stored(stored)
        self._later()

    def stored(self, stored: Stored) -> None:
        """The stream has another message; before the start it is none for us, even if it comes later."""
        if stored.seq >= self._start_seq and any(matches(pattern, stored.subject) for pattern in self._filters):
            self._unsent.append(stored)
            self.wake()

    def wake(self) -> None:
        """Send the next message, if somebody subscribes."""
        if self.is_open and self._unsent and not self._queue.items and self._server.has_interest(self.subject):
            self._queue.put(f"{self._unsent[0].seq}", self._send)

    def _send(self) -> None:
        if not self.is_open or not self._server.has_interest(self.subject):
            return
        stored = self._unsent.popleft()
        self._sent += 1
        self._sent_seq = stored.seq
        self._is_idle = False
        reply = f"$JS.ACK.{self.stream.name}.{self.name}.1.{stored.seq}.{self._sent}.0.{len(self._unsent)}"
        self._server.route(self.subject, reply, stored.headers, stored.data, stored.subject)
        self.wake()

    def _later(self) -> None:
        if self._heartbeat_s:
            self._server.world.loop.call_later(self._heartbeat_s, self._beat, context=self._server.context)

    def _beat(self) -> None:
        if not self.is_open:
            return
        if self._is_idle and not self._unsent and self._server.has_interest(self.subject):
            headers = {"Status": "100", "Description": "Idle Heartbeat"}
            headers |= {"Nats-Last-Consumer": str(self._sent), "Nats-Last-Stream": str(self._sent_seq)}
            self._server.route(self.subject, "", headers, b"")
        self._is_idle = True
        self._later()


class Server:
    """One server, or the cluster that appears as one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.context = Process("server").context
        self.connections: list[Connection] = []
        self.streams: dict[str, Stream] = {}
        self._queues: dict[str, Queue] = {}
        self._api = Queue(world, "api")
        self._consumers: list[Consumer] = []
        self.inboxes: dict[str, tuple[Connection, Any]] = {}  # each has one subscription
        self._routes: dict[str, list[tuple[Connection, Any]]] = {}
        self._count = 0
        world.server = self

    def log(self) -> Stream | None:
        """The first stream: the log."""
        return next((stream for name, stream in self.streams.items() if name.startswith("MM_")), None)

    @property
    def log_length(self) -> int:
        """Messages of the log."""
        log = self.log()
        return len(log.messages) if log else 0

    def changed(self, inbox: str = "") -> None:
        """A client subscribes, or unsubscribes; to an inbox: what waits for that continues."""
        self._routes.clear()
        for consumer in self._consumers if inbox else ():
            if consumer.subject == inbox:
                consumer.wake()

    def has_interest(self, subject: str) -> bool:
        """Whether somebody subscribes to it."""
        return bool(self._to(subject))

    def _to(self, subject: str) -> list[tuple[Connection, Any]]:
        if subject.startswith(INBOX):
            found = self.inboxes.get(inbox_of(subject))
            return [found] if found is not None else []
        routes = self._routes.get(subject)
        if routes is None:
            routes = self._routes[subject] = [
                (connection, subscription)
                for connection in self.connections
                for pattern, subscription in connection.subscribed.items()
                if matches(pattern, subject)
            ]
        return routes

    def route(self, subject: str, reply: str, headers: dict[str, str] | None, data: bytes, shown: str = "") -> bool:
        """Send a message to all who subscribe; `shown` is the subject that they see. False if there are none."""
        found = self._to(subject)
        for connection, subscription in found:
            connection.send(subscription, shown or subject, reply, headers, data)
        return bool(found)

    def receive(self, subject: str, reply: str, headers: dict[str, str] | None, data: bytes) -> None:
        """A message has come from a client."""
        if subject.startswith(API):
            self._api.put(f"{subject[len(API) :]} {data[:60].decode()}", self._answer, subject, reply, data)
            return
        for stream in self.streams.values():
            if stream.takes(subject):
                queue = self._queues[stream.name]
                queue.put(f"{subject} {headers}", self._store, stream, subject, reply, headers or {}, data)
                return
        if not self.route(subject, reply, headers, data) and reply:
            self.route(reply, "", {"Status": "503"}, b"")

    def _store(self, stream: Stream, subject: str, reply: str, headers: dict[str, str], data: bytes) -> None:
        if self.streams.get(stream.name) is not stream:
            return
        before = stream.last_seq
        answer = stream.append(subject, headers, data, self.world.loop.now_s)
        self.world.note(f"    -> {answer}")
        if stream.last_seq > before:
            for consumer in self._consumers:
                if consumer.stream is stream:
                    consumer.stored(stream.messages[stream.last_seq])
        if reply:
            self.route(reply, "", None, json.dumps(answer).encode())

    def refuse(self, queue: Queue) -> None:
        """The first append of a stream is not taken."""
        _, _, _, (stream, _, reply, _, _) = queue.items.popleft()
        if reply:
            self.route(reply, "", None, json.dumps({**REFUSED, "stream": stream.name, "seq": 0}).encode())

    def change_leader(self, queue: Queue) -> None:
        """What the old leader had not stored is lost, and with it its consumers and requests to it."""
        queue.items.clear()
        self._api.items.clear()
        self._end_consumers()

    def crash(self, lost: int) -> None:
        """Come back at once; so many messages of the log are lost."""
        for connection in list(self.connections):
            connection.cut(up=False, down=False)
        for queue in (self._api, *self._queues.values()):
            queue.items.clear()
        self._end_consumers()
        if lost:
            log = self.log()
            assert log is not None
            log.cut(lost)

    def _end_consumers(self) -> None:
        for consumer in self._consumers:
            consumer.is_open = False
        self._consumers.clear()

    def hang_up(self, process: Process, up: bool = False) -> None:
        """A process has ended, and with it its connections."""
        for connection in list(self.connections):
            if connection.process is process:
                connection.cut(up=up, down=False)

    def _answer(self, subject: str, reply: str, data: bytes) -> None:
        verb, question = subject[len(API) :], json.loads(data) if data else {}
        if verb.startswith("DIRECT.GET."):
            self._answer_directly(verb.removeprefix("DIRECT.GET."), reply, question)
            return
        name = verb.rsplit(".", 1)[1]
        if verb.startswith("STREAM.CREATE."):
            answer = self._create(name, question)
        elif name not in self.streams:
            answer = NO_STREAM
        elif verb.startswith("STREAM.INFO."):
            answer = self.streams[name].info()
        elif verb.startswith("STREAM.MSG.GET."):
            found = self.streams[name].found(question)
            answer = {"message": as_json(found)} if found else NO_MESSAGE
        elif verb.startswith("STREAM.PURGE."):
            answer = {"success": True, "purged": self.streams[name].purge(int(question["seq"]))}
        elif verb.startswith("CONSUMER.CREATE."):
            answer = self._consume(self.streams[name], question["config"])
        else:
            raise AssertionError(f"the model does not know {verb}")
        self.world.note(f"    -> {str(answer)[:120]}")
        self.route(reply, "", None, json.dumps(answer).encode())

    def _create(self, name: str, config: dict[str, Any]) -> dict[str, Any]:
        if name not in self.streams:
            self._count += 1
            self.streams[name] = Stream(config, TIME.replace("00Z", f"{self._count:02}Z"))
            self._queues[name] = Queue(self.world, f"stream {name}")
        elif self.streams[name].config != config:
            return error(400, 10058, "stream name already in use with a different configuration")
        return self.streams[name].info()

    def _consume(self, stream: Stream, config: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        consumer = Consumer(self, stream, f"c{self._count}", config)
        self._consumers.append(consumer)
        state = {"consumer_seq": 0, "stream_seq": 0}
        info = {"stream_name": stream.name, "name": consumer.name, "config": config, "created": TIME}
        counts = {"num_ack_pending": 0, "num_redelivered": 0, "num_waiting": 0, "num_pending": 0}
        return {**info, **counts, "delivered": state, "ack_floor": state}

    def _answer_directly(self, rest: str, reply: str, question: dict[str, Any]) -> None:
        name, _, subject = rest.partition(".")
        stream = self.streams.get(name)
        if stream is None:
            self.route(reply, "", {"Status": "503"}, b"")
            return
        if subject:
            question = {"last_by_subj": subject}
        if "batch" not in question:
            found = stream.found(question)
            batch = [found] if found else []
        else:
            batch = stream.batch(question)
        for stored in batch:
            pending = {"Nats-Num-Pending": str(self._left(stream, stored))} if "batch" in question else {}
            self.route(reply, "", self._headers_of(stream, stored) | pending, stored.data)
        if not batch:
            self.route(reply, "", {"Status": "404", "Description": "Message Not Found"}, b"")
        elif "batch" in question:
            end = {"Status": "204", "Description": "EOB", "Nats-Num-Pending": str(self._left(stream, batch[-1]))}
            self.route(reply, "", {**end, "Nats-Last-Sequence": str(batch[-1].seq)}, b"")

    @staticmethod
    def _left(stream: Stream, stored: Stored) -> int:
        return sum(seq > stored.seq for seq in stream.messages)

    @staticmethod
    def _headers_of(stream: Stream, stored: Stored) -> dict[str, str]:
        own = {"Nats-Stream": stream.name, "Nats-Subject": stored.subject, "Nats-Sequence": str(stored.seq)}
        return {**stored.headers, **own, "Nats-Time-Stamp": TIME}

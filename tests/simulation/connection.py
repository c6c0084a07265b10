"""One connection of a client to the server of a simulation: what is on its way in both directions, and its end."""

from typing import Any

from tests.simulation.loop import Process
from tests.simulation.world import Queue, World

LOST = "(the connection is lost)"
INBOX = "_INBOX."


def inbox_of(subject: str) -> str:
    """The inbox that a subject or a pattern begins with."""
    return ".".join(subject.split(".", 2)[:2])


class Connection:
    """`client.receive(subscription, ..)` gets what arrives, `client.lost()` is called at the end."""

    def __init__(self, world: World, client: Any, process: Process) -> None:
        self.process = process
        self.is_open = True
        self.subscribed: dict[str, Any] = {}  # as the server knows it
        self._world = world
        self._client = client
        self._up = Queue(world, f"up {process.name}", self)
        self._down = Queue(world, f"down {process.name}", self)
        world.server.connections.append(self)

    def subscribe(self, pattern: str, subscription: Any) -> None:
        """Subscribe at the server to a pattern."""
        if self.is_open:
            self._up.put(f"(subscribe {pattern})", self._subscribe, pattern, subscription)

    def unsubscribe(self, pattern: str) -> None:
        """Unsubscribe at the server."""
        if self.is_open:
            self._up.put(f"(unsubscribe {pattern})", self._unsubscribe, pattern)

    def publish(self, subject: str, reply: str, headers: dict[str, str] | None, data: bytes) -> None:
        """Send a message to the server; into a connection that is lost it is lost too."""
        if self.is_open:
            self._up.put(subject, self._world.server.receive, subject, reply, headers, data)

    def send(self, subscription: Any, subject: str, reply: str, headers: dict[str, str] | None, data: bytes) -> None:
        """Send a message to the client."""
        if self.is_open:
            self._down.put(subject, self._call, self._client.receive, subscription, subject, reply, headers, data)

    def cut(self, up: bool, down: bool) -> None:
        """Lose the connection; `up` and `down`: what is in flight that way still arrives."""
        if not self.is_open:
            return
        if not up:
            self._up.items.clear()
        if not down:
            self._down.items.clear()
        self.is_open = False
        if up:
            self._up.put(LOST, self._end)
        else:
            self._end()
        self._down.put(LOST, self._call, self._client.lost, self)

    def _end(self) -> None:
        server = self._world.server
        if self in server.connections:
            server.connections.remove(self)
            server.inboxes = {inbox: found for inbox, found in server.inboxes.items() if found[0] is not self}
            server.changed()

    def _call(self, act: Any, *args: Any) -> None:
        """In the client's process, if it lives."""
        if self.process.is_alive:
            self._world.loop.call_soon(act, *args, context=self.process.context)

    def _subscribe(self, pattern: str, subscription: Any) -> None:
        if pattern.startswith(INBOX):
            self._world.server.inboxes[inbox_of(pattern)] = self, subscription
            self._world.server.changed(pattern)
            return
        self.subscribed[pattern] = subscription
        self._world.server.changed()

    def _unsubscribe(self, pattern: str) -> None:
        if pattern.startswith(INBOX):
            self._world.server.inboxes.pop(inbox_of(pattern), None)
            return
        self.subscribed.pop(pattern, None)
        self._world.server.changed()

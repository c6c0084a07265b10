"""A stream of JetStream as nats-server stores one, as far as a log and the states of nodes need it.

`test_model.py` sends this and a real server the same requests and compares the replies.
"""

import base64
from functools import lru_cache
from typing import Any, NamedTuple

SEQUENCE = "Nats-Expected-Last-Sequence"
SUBJECT_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
ID = "Nats-Msg-Id"
LAST_ID = "Nats-Expected-Last-Msg-Id"
WINDOW_NS = 120_000_000_000  # in which a message's id is not taken twice, if the stream does not set it
TIME = "2026-01-01T00:00:00Z"


class Stored(NamedTuple):
    """One message of a stream."""

    seq: int
    subject: str
    headers: dict[str, str]
    data: bytes


@lru_cache(10_000)
def matches(pattern: str, subject: str) -> bool:
    """Whether a subject is one of a pattern's, which may hold `*` and end in `>`."""
    if pattern == subject:
        return True
    if pattern.endswith(">"):
        head = pattern[:-1]
        if "*" not in head:
            return subject.startswith(head) and len(subject) > len(head)
    parts, found = pattern.split("."), subject.split(".")
    for place, part in enumerate(parts):
        if part == ">":
            return len(found) > place
        if place >= len(found) or part not in {"*", found[place]}:
            return False
    return len(parts) == len(found)


def error(code: int, err_code: int, description: str) -> dict[str, Any]:
    """What a reply has instead of a result."""
    return {"error": {"code": code, "err_code": err_code, "description": description}}


NO_STREAM = error(404, 10059, "stream not found")
NO_MESSAGE = error(404, 10037, "no message found")
REFUSED = error(503, 10077, "maximum bytes exceeded")


class Stream:
    """The messages of one stream from `first_seq` on."""

    def __init__(self, config: dict[str, Any], created: str) -> None:
        self.config = config
        self.created = created
        self.name = str(config["name"])
        self.subjects = list(config["subjects"])
        self.messages: dict[int, Stored] = {}
        self.last_seq = 0
        self.last_id = ""
        self._last_of: dict[str, int] = {}
        self._ids: dict[str, tuple[int, float]] = {}
        self._window_s = (config.get("duplicate_window") or WINDOW_NS) / 1e9
        self._per_subject = int(config.get("max_msgs_per_subject") or -1)

    @property
    def first_seq(self) -> int:
        """Of the first message that is stored, or would be."""
        return next(iter(self.messages), self.last_seq + 1 if self.last_seq else 0)

    def takes(self, subject: str) -> bool:
        """Whether messages of this subject go into the stream."""
        return any(matches(pattern, subject) for pattern in self.subjects)

    def append(self, subject: str, headers: dict[str, str], data: bytes, now_s: float) -> dict[str, Any]:
        """Store a message if it follows the message that it names: the server's acknowledgement."""
        named = headers.get(ID, "")
        if wrong := self._wrong_sequence(headers, subject):
            return {**wrong, "stream": self.name, "seq": 0}
        seen = self._ids.get(named) if named else None
        if seen is not None and now_s - seen[1] < self._window_s:
            return {"stream": self.name, "seq": seen[0], "duplicate": True}
        if headers.get(LAST_ID, self.last_id) != self.last_id:
            return {**error(400, 10070, f"wrong last msg ID: {self.last_id}"), "stream": self.name, "seq": 0}
        self.last_seq += 1
        self.messages[self.last_seq] = Stored(self.last_seq, subject, headers, data)
        before = self._last_of.get(subject)
        if self._per_subject == 1 and before is not None:
            self.messages.pop(before, None)
        self._last_of[subject] = self.last_seq
        if named:
            self._ids[named] = self.last_seq, now_s
        self.last_id = named
        return {"stream": self.name, "seq": self.last_seq}

    def _wrong_sequence(self, headers: dict[str, str], subject: str) -> dict[str, Any]:
        if SUBJECT_SEQUENCE in headers:
            found = self._last_of.get(headers.get(SUBJECT, subject), 0)
            if found != int(headers[SUBJECT_SEQUENCE]):
                return error(400, 10071, f"wrong last sequence: {found}")
        if SEQUENCE in headers and int(headers[SEQUENCE]) != self.last_seq:
            return error(400, 10071, f"wrong last sequence: {self.last_seq}")
        return {}

    def cut(self, count: int) -> None:
        """Lose the last messages, as a crash does that comes before the disk has them."""
        for seq in range(max(self.last_seq - count, 0) + 1, self.last_seq + 1):
            self.messages.pop(seq, None)
        self.last_seq = max(self.last_seq - count, 0)
        self._last_of = {stored.subject: stored.seq for stored in self.messages.values()}
        self._ids = {name: seen for name, seen in self._ids.items() if seen[0] <= self.last_seq}
        last = self.messages.get(self.last_seq)
        self.last_id = last.headers.get(ID, "") if last else ""

    def purge(self, before_seq: int) -> int:
        """Remove what stands before a sequence; how many that were."""
        purged = [seq for seq in self.messages if seq < before_seq]
        for seq in purged:
            del self.messages[seq]
        self._last_of = {stored.subject: stored.seq for stored in self.messages.values()}
        return len(purged)

    def info(self) -> dict[str, Any]:
        """As the API reports it."""
        state = {"messages": len(self.messages), "bytes": 0, "first_seq": self.first_seq, "last_seq": self.last_seq}
        return {"config": self.config, "created": self.created, "state": {**state, "consumer_count": 0}}

    def found(self, question: dict[str, Any]) -> Stored | None:
        """The message that a request to the API names."""
        if pattern := question.get("last_by_subj"):
            if "*" not in pattern and ">" not in pattern:
                return self.messages.get(self._last_of.get(pattern, 0))
            seqs = [seq for subject, seq in self._last_of.items() if matches(pattern, subject)]
            return self.messages.get(max(seqs, default=0))
        return self.messages.get(int(question.get("seq") or 0))

    def batch(self, question: dict[str, Any]) -> list[Stored]:
        """The messages from a sequence on, for a direct request."""
        left = int(question.get("max_bytes") or 0) or 1 << 30
        batch: list[Stored] = []
        for seq, stored in self.messages.items():
            if seq >= int(question["seq"]):
                if len(batch) == int(question["batch"]) or left <= 0:
                    break
                batch.append(stored)
                left -= len(stored.data) + len(stored.subject)
        return batch


def as_json(stored: Stored) -> dict[str, Any]:
    """A message as the API reports it."""
    reported = {"subject": stored.subject, "seq": stored.seq, "time": TIME}
    if stored.headers:
        lines = "".join(f"{name}: {value}\r\n" for name, value in stored.headers.items())
        reported["hdrs"] = base64.b64encode(f"NATS/1.0\r\n{lines}\r\n".encode()).decode()
    if stored.data:
        reported["data"] = base64.b64encode(stored.data).decode()
    return reported

"""The model replies as nats-server does: both get the same requests from the same code."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg
from tests.integration.runtime.server import Server
from tests.simulation.parts import Session
from tests.simulation.schedule import Schedule
from tests.simulation.stream import ID, LAST_ID, SEQUENCE, SUBJECT, SUBJECT_SEQUENCE
from tests.simulation.world import World

from mm_bus.bus import Bus

STREAM = {"name": "MM_sim", "subjects": ["mm.sim.md.>", "mm.sim.writer"], "allow_direct": True, "storage": "file"}
TRADE, FENCE = "mm.sim.md.trade.X", "mm.sim.writer"
API = "$JS.API."
Requests = Callable[[Bus], Awaitable[list[Any]]]


def compare(server: Server, requests: Requests) -> list[Any]:
    """Both must answer alike, one answer after the other; these answers."""
    found, expected = modelled(requests), real(server, requests)
    for place, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        assert (place, ours) == (place, theirs)
    assert len(found) == len(expected)
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A nats-server."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


def real(server: Server, requests: Requests) -> list[Any]:
    """What the real server answers."""

    async def run() -> list[Any]:
        bus = Bus()
        await bus.connect(server.url, "test")
        answers = await requests(bus)
        await bus.close()
        return answers

    return asyncio.run(run())


def modelled(requests: Requests) -> list[Any]:
    """What the model answers."""
    world = World(Schedule())
    session, answers = Session(world), []

    async def run(bus: Bus) -> None:
        answers.append(await requests(bus))

    world.loop.enter()
    try:
        session.start("test", run)
        world.run(lambda: bool(answers or world.failures))
    finally:
        world.loop.leave()
    for _, error in world.failures:
        raise error
    return list(answers[0])


async def _json(bus: Bus, subject: str, question: Any, headers: dict[str, str] | None = None) -> Any:
    data = question if isinstance(question, bytes) else json.dumps(question).encode()
    answer = await bus.client.request(subject, data, timeout=5, headers=headers)
    return json.loads(answer.data)


def _append(rng: random.Random, names: list[str]) -> tuple[str, dict[str, str], bytes]:
    """Some append, with some expectations, right ones and wrong ones."""
    headers: dict[str, str] = {}
    if rng.random() < 0.5:
        headers[SEQUENCE] = str(rng.randint(0, 8))
    if rng.random() < 0.3:
        headers[SUBJECT_SEQUENCE] = str(rng.randint(0, 6))
        if rng.random() < 0.7:
            headers[SUBJECT] = FENCE
    if rng.random() < 0.6:
        headers[ID] = rng.choice([*names, f"n{len(names)}"])
    if rng.random() < 0.5:
        headers[LAST_ID] = rng.choice([*names, f"n{len(names) - 1}"]) if names else "n0"
    return rng.choice((TRADE, TRADE, "mm.sim.md.top.X", FENCE)), headers, rng.randbytes(3)


def _found(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what no one reads."""
    if "message" in answer:
        return {key: answer["message"].get(key) for key in ("seq", "subject", "hdrs", "data")}
    if "state" in answer:
        return {key: answer["state"][key] for key in ("messages", "first_seq", "last_seq")}
    return {key: answer[key] for key in ("error", "seq", "duplicate", "stream", "success", "purged") if key in answer}


@pytest.mark.parametrize("seed", range(12))
def test_appends_are_taken_and_refused_alike(server: Server, seed: int) -> None:
    async def requests(bus: Bus) -> list[Any]:
        rng = random.Random(seed)  # noqa: S311
        answers: list[Any] = []
        names: list[str] = []
        answers.append(_found(await _json(bus, f"{API}STREAM.CREATE.MM_sim", STREAM)))
        for _ in range(60):
            subject, headers, data = _append(rng, names)
            answer = await _json(bus, subject, data, headers or None)
            if "error" not in answer and ID in headers:
                names.append(headers[ID])
            answers.append((headers, _found(answer)))
        questions = [{"seq": seq} for seq in range(1, 12)] + [{"last_by_subj": each} for each in (TRADE, "mm.sim.md.>")]
        answers += [_found(await _json(bus, f"{API}STREAM.MSG.GET.MM_sim", question)) for question in questions]
        answers.append(_found(await _json(bus, f"{API}STREAM.INFO.MM_sim", {})))
        answers.append(_found(await _json(bus, f"{API}STREAM.INFO.MM_other", {})))
        answers.append(_found(await _json(bus, f"{API}STREAM.PURGE.MM_sim", {"seq": 4})))
        answers.append(_found(await _json(bus, f"{API}STREAM.INFO.MM_sim", {})))
        answers.append(_found(await _json(bus, f"{API}STREAM.MSG.GET.MM_sim", {"seq": 2})))
        return answers

    compare(server, requests)


def test_a_writer_appends_by_names(server: Server) -> None:
    """In flight at once: behind one that is refused all are."""

    async def requests(bus: Bus) -> list[Any]:
        await _json(bus, f"{API}STREAM.CREATE.MM_sim", STREAM)
        chain = [{ID: "a"}, *({ID: new, LAST_ID: old} for old, new in ("ab", "bc", "xd", "de", "cf", "fg"))]
        return [_found(await _json(bus, TRADE, b"1", headers)) for headers in chain]

    answers = compare(server, requests)
    assert [answer.get("seq") for answer in answers] == [1, 2, 3, 0, 0, 4, 5]
    assert answers[3]["error"]["err_code"] == 10070


def test_messages_are_got_directly_alike(server: Server) -> None:
    async def requests(bus: Bus) -> list[Any]:
        await _json(bus, f"{API}STREAM.CREATE.MM_sim", STREAM)
        news: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = bus.client.new_inbox()
        await bus.subscribe(f"{inbox}.*", news.put)
        got = await _got(bus, inbox, news)
        for number in range(5):
            await _json(bus, TRADE, b"%d" % number, {"Mm-Label": f"a {number}"})
        got += await _got(bus, inbox, news)
        await _json(bus, f"{API}STREAM.PURGE.MM_sim", {"seq": 4})
        return got + await _got(bus, inbox, news)

    compare(server, requests)


async def _got(bus: Bus, inbox: str, news: "asyncio.Queue[Msg]") -> list[Any]:
    """What some batches bring, to the end of each."""
    got: list[Any] = []
    for question in ({"seq": 1, "batch": 3}, {"seq": 3, "batch": 10}, {"seq": 9, "batch": 2, "max_bytes": 4096}):
        await bus.publish(f"{API}DIRECT.GET.MM_sim", json.dumps(question).encode(), f"{inbox}.1")
        headers: dict[str, str] = {}
        while "Status" not in headers:
            message = await news.get()
            headers = dict(message.headers or {})
            got.append((headers.get("Status"), _headers_of(headers), message.data))
    return got


def _headers_of(headers: dict[str, str]) -> dict[str, str]:
    names = ("Nats-Sequence", "Nats-Subject", "Nats-Stream", "Nats-Num-Pending", "Mm-Label")
    is_message = "Status" not in headers
    return {name: headers[name] for name in names if name in headers and (is_message or name == "Nats-Num-Pending")}


@pytest.mark.parametrize("start_seq", [1, 3, 5, 9])
def test_a_consumer_sends_alike(server: Server, start_seq: int) -> None:
    """From anywhere, filtered; beyond the end, after nobody listened, and when it is idle."""

    async def requests(bus: Bus) -> list[Any]:
        await _json(bus, f"{API}STREAM.CREATE.MM_sim", STREAM)
        for number in range(4):
            await _json(bus, FENCE if number == 2 else TRADE, b"%d" % number)
        news: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = bus.client.new_inbox()
        subscription = await bus.subscribe(inbox, news.put)
        config = {"deliver_subject": inbox, "deliver_policy": "by_start_sequence", "opt_start_seq": start_seq}
        config |= {
            "ack_policy": "none",
            "max_deliver": 1,
            "idle_heartbeat": 200_000_000,
            "filter_subjects": ["mm.sim.md.>"],
        }
        config |= {"flow_control": True, "inactive_threshold": 10_000_000_000, "mem_storage": True, "num_replicas": 1}
        question = {"stream_name": "MM_sim", "config": config}
        await _json(bus, f"{API}CONSUMER.CREATE.MM_sim", question)
        got = [await _sent(news)]
        await _json(bus, TRADE, b"later")
        got.append(await _sent(news))
        await subscription.unsubscribe()
        await _json(bus, TRADE, b"after")
        await bus.subscribe(inbox, news.put)
        got.append(await _sent(news))
        return got

    compare(server, requests)


async def _sent(news: "asyncio.Queue[Msg]") -> list[Any]:
    """What a consumer sends until it is idle."""
    sent: list[Any] = []
    while True:
        message = await news.get()
        headers = message.headers or {}
        if headers.get("Status") == "100":
            return [*sent, (headers["Description"], headers["Nats-Last-Consumer"], headers["Nats-Last-Stream"])]
        fields = message.reply.split(".")
        sent.append((message.subject, message.data, fields[5], fields[6], fields[8]))

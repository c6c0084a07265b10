"""Ten kinds of messages that cannot be read, to everything that a running session subscribes: nothing changes."""

import asyncio
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from tests.integration.runtime.server import GROUP, Server, log_of
from tests.session import CONFIG, SAMPLE, log_bytes, paper_command, session, summary_of

from mm_bus.malformed import Malformed, MalformedError, read
from mm_bus.permissions import users
from mm_bus.roots import Roots
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define
from mm_wire import subjects as s

SECONDS = 40
SPEED = 4  # the session lasts longer than the messages
END_S = 240.0
NESTED = 100_000
PACK = msgspec.msgpack.encode
HALF = PACK(Roots("recorder", 1, [b"abc", b"def"]))
PAYLOADS = {
    "empty": [b""],
    "no text": [b"\xff", b"\xff\xfe\xc1"],
    "half": [HALF[: len(HALF) // 2], b'{"sql": "SELECT 1", "for'],
    "wrong types": [PACK({"a": 1}), PACK(["recorder", "1", 1]), b'{"sql": 1, "format": null}', b'"null"'],
    "huge": [b"a" * 900_000, json.dumps({"sql": 1, "x": "a" * 900_000}).encode()],
    "nested": [b"\x91" * NESTED, b"[" * NESTED, b'{"a":' * NESTED, b"\x94\xa8recorder\x01" + b"\x91" * NESTED],
    "wrong lengths": [PACK([1]), PACK([]), PACK([[[1, 2, 3]], ""]), b"[]"],
    "negative": [PACK(["recorder", -5, [], False, False, -1]), PACK([-1, False, -1, -1]), b"-1"],
    "a string for a list": [PACK(["recorder", 1, "abc"]), PACK(["abc", ""]), b'"SELECT 1"'],
    "no number": [PACK(["recorder", math.nan, []]), PACK([math.nan, False, math.nan]), b"NaN", b'{"sql": NaN}'],
}
# What stands behind the wildcards of what is subscribed.
TAILS = {f"mm.{GROUP}.root.>": ("recorder", f"{s.CONSOLE}.1", "x.y"), f"mm.{GROUP}.report.*": (s.QUOTER, "x")}


def subjects() -> list[str]:
    """Everything that any service subscribes, but for its inboxes."""
    inputs = sorted({subject for user in users(GROUP).values() for subject in user.inputs})
    return [f"{subject.rstrip('>*')}{tail}" for subject in inputs for tail in TAILS.get(subject, ("",))]


@contextmanager
def service(name: str, server: Server, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A service of the session."""
    settings = {"bus.url": server.url, "bus.group": GROUP, "store.path": str(folder / "clickhouse")}
    given = [option for key, value in settings.items() for option in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", f"mm_services.{name}", "--config", str(CONFIG), *given, *options]
    with (folder / f"{name}.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


async def statuses(client: Client, names: list[str]) -> dict[str, Any]:
    """The status of the services that are up."""
    found = {}
    for name in names:
        try:
            answer = await client.request(s.status_subject(GROUP, name), b"null", timeout=2)
        except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
            continue
        found[name] = json.loads(answer.data)
    return found


async def bombard(server: Server, names: list[str], processes: dict[str, subprocess.Popen[bytes]]) -> dict[str, int]:
    """Send everything everywhere while the session runs; the number of error answers by subject."""
    client, inboxes = await nats.connect(server.url), set()

    async def see(message: Msg) -> None:
        if "mm." not in message.subject:
            inboxes.add(message.subject)

    async with asyncio.timeout(END_S):
        while len(await statuses(client, names)) < len(names):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        seeing = await client.subscribe("_INBOX.>", cb=see)
        refused = {}
        for subject in subjects():
            requests = (request(client, subject, payload) for kind in PAYLOADS.values() for payload in kind)
            answers = await asyncio.gather(*requests)
            refused[subject] = sum("error" in answer for answer in answers if isinstance(answer, dict))
        await seeing.unsubscribe()
        assert len(inboxes) > 5
        prefixes = {inbox.rsplit(".", 1)[0] for inbox in inboxes}
        for inbox in [*inboxes, *(f"{prefix}.x" for prefix in prefixes)]:
            for payload in (payload for kind in PAYLOADS.values() for payload in kind[:1]):
                await client.publish(inbox, payload)
        await client.flush()
        while not (status := await statuses(client, names)).get(s.SEQUENCER, {}).get("ended"):
            assert [name for name, process in processes.items() if process.poll() is not None] == []
            await asyncio.sleep(0.1)
    assert sorted(status) == sorted(names)
    await client.close()
    return refused


async def request(client: Client, subject: str, payload: bytes) -> Any:
    """The answer to a message; None without one."""
    try:
        return json.loads(
            (await client.request(subject, payload, timeout=8 if subject == s.sql_subject(GROUP) else 2)).data
        )
    except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
        return None


def test_malformed_messages_are_answered_with_an_error_and_change_nothing(server: Server, tmp_path: Path) -> None:
    instrument = tmp_path / "instrument.json"
    instrument.write_bytes(msgspec.json.encode(define("SYNTH", WsLines([SAMPLE])).instrument))
    replay = ["--instrument", str(instrument), "--source", f"replay:{SAMPLE}", "--speed", str(SPEED)]
    replay += ["--duration-ns", str(SECONDS * 10**9)]
    names = [name for name in users(GROUP) if name != s.OPERATOR]
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(service(name, server, tmp_path, *(replay if name == s.RECORDER else ())))
            for name in names
        }
        refused = asyncio.run(bombard(server, names, processes))
        log = asyncio.run(log_of(server))
    count = sum(len(kind) for kind in PAYLOADS.values())
    # A request to report again needs no content; some of a root's and a report's are repeats, or late, and none is new.
    few = {s.resend_subject(GROUP): count - 1, s.report_subject(GROUP, s.QUOTER): 20, s.report_subject(GROUP, "x"): 20}
    assert {subject for subject, errors in refused.items() if errors < few.get(subject, count - 2)} == set()
    lines = [line for name in names for line in (tmp_path / f"{name}.log").read_text().splitlines()]
    assert not [line for line in lines if "Traceback" in line]
    assert 0 < sum("is refused" in line for line in lines) <= 3 * len(names)
    command = paper_command(tmp_path / "memory", "--bus", "memory", "--duration", f"{SECONDS}s")
    with session(command, tmp_path) as process:
        summary_of(process, END_S)
    assert log == log_bytes(tmp_path / "memory")


def test_one_line_a_minute_is_logged_and_all_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    malformed = Malformed(lambda: now_s)
    for at in range(200):
        now_s = float(at)
        malformed.note("mm.main.sql", b"x" * 1_000, "no JSON")
    assert malformed.count == 200
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4
    assert lines[0] == f"mm.main.sql: a message of 1000 bytes is refused: no JSON: {b'x' * 60!r}"
    assert lines[1].endswith("(and 59 since the last line)")


@pytest.mark.parametrize("payload", [payload for kind in PAYLOADS.values() for payload in kind])
def test_whatever_a_decoder_raises_is_a_malformed_message(payload: bytes) -> None:
    for decode in (msgspec.msgpack.Decoder(Roots).decode, msgspec.json.Decoder(dict[str, str]).decode):
        with pytest.raises(MalformedError):
            read(decode, payload)

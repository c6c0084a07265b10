"""One user a service on a real nats-server: each does its work with its own subjects, and is refused all others."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.runtime.group import failure, until
from tests.integration.runtime.nodes import NAME, market, stamper
from tests.integration.runtime.server import GROUP, Server
from tests.session import CONFIG, SAMPLE, paper_command, session, summary_of

from mm_bus.bus import Bus
from mm_bus.login import Login, inbox, login_of
from mm_bus.permissions import server_config, users
from mm_bus.quick_client import QuickClient
from mm_bus.reports import Report
from mm_bus.roots import Roots
from mm_bus.settings import BusSettings
from mm_bus.topology import INPUTS
from mm_core import events as e
from mm_core.types import Command, InputError, Side, TimeInForce
from mm_services.sequencer.sequencer import Sequencer
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define
from mm_wire import subjects as s
from mm_wire.codec import encode

PASSWORDS = {name: f"secret-{name}" for name in users(GROUP)}
SECONDS = 20
END_S = 240.0
OWN = f"{s.CONSOLE}.1"  # an operator's
HALT = encode(e.OperatorCommand(ts_ns=0, command=Command.HALT))
LOG = s.stream(GROUP)
STATES = f"KV_{s.state_bucket(GROUP)}"
OTHERS = {
    "another node's report": s.report_subject(GROUP, s.RISK),
    "an order on the log": s.subject_of(GROUP, e.SubmitOrder, NAME),
    "market data on the log": s.subject_of(GROUP, e.Trade, NAME),
    "its own intent on the log": s.subject_of(GROUP, e.OrderIntent, NAME),
    "the fence": s.writer_subject(GROUP),
    "roots of the recorder": s.root_subject(GROUP, s.RECORDER),
    "an operator's command": s.root_subject(GROUP, f"{s.CONSOLE}.1"),
    "the sequencer's word to a source": s.ack_subject(GROUP, s.RECORDER),
    "the end": s.end_subject(GROUP),
    "the store": s.sql_subject(GROUP),
    "a reply to another": f"{inbox(s.SEQUENCER)}.1",
    "another node's state": f"$KV.{s.state_bucket(GROUP)}.{s.RISK}",
    "raw messages of the states": f"$JS.API.DIRECT.GET.{STATES}",
    "a consumer of the states": f"$JS.API.CONSUMER.CREATE.{STATES}",
    "another group": s.report_subject("other", s.QUOTER),
    **{
        f"{call} of {stream}": f"$JS.API.STREAM.{call}.{stream}"
        for call in ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE")
        for stream in (LOG, STATES)
    },
}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    """A server with the users of the group."""
    (tmp_path / "bus").mkdir()
    config = server_config(GROUP, PASSWORDS, str(tmp_path / "bus" / "data"))
    server = Server(tmp_path / "bus", config)
    server.start()
    yield server
    server.kill()


async def connect(server: Server, user: str) -> Bus:
    """A service's connection."""
    bus = Bus()
    await bus.connect(server.url, user, Login(user, PASSWORDS[user]))
    return bus


async def refused(server: Server, user: str, subject: str, *, inputs: bool = False) -> bool:
    """Whether the server forbids a user to publish (or to receive) a subject."""
    errors: list[str] = []

    async def on_error(error: Exception) -> None:
        errors.append(str(error))

    options = Login(user, PASSWORDS[user]).options()
    client = QuickClient()  # what it publishes is on its way before the flush
    await client.connect(server.url, error_cb=on_error, **options)
    if inputs:
        await client.subscribe(subject)
    else:
        await client.publish(subject, b"")
    await client.flush()  # the server has answered everything before
    await client.close()
    return any("permissions violation" in error.lower() and subject.lower() in error.lower() for error in errors)


@pytest.mark.parametrize("subject", OTHERS.values(), ids=OTHERS)
def test_the_quoter_may_not_publish(guarded: Server, subject: str) -> None:
    assert asyncio.run(refused(guarded, s.QUOTER, subject))


def test_the_quoter_may_publish_its_own(guarded: Server) -> None:
    own = [s.report_subject(GROUP, s.QUOTER), f"$KV.{s.state_bucket(GROUP)}.{s.QUOTER}"]
    assert [asyncio.run(refused(guarded, s.QUOTER, subject)) for subject in own] == [False, False]


@pytest.mark.parametrize("user", sorted(PASSWORDS))
def test_no_one_receives_the_replies_to_another(guarded: Server, user: str) -> None:
    assert asyncio.run(refused(guarded, user, "_INBOX.>", inputs=True))
    assert asyncio.run(refused(guarded, user, f"{inbox('another')}.>", inputs=True))
    assert not asyncio.run(refused(guarded, user, f"{inbox(user)}.1.>", inputs=True))


@pytest.mark.parametrize("user", sorted(set(PASSWORDS) - {s.SEQUENCER}))
def test_only_the_sequencer_writes_the_log(guarded: Server, user: str) -> None:
    for subject in (s.writer_subject(GROUP), *(s.subject_of(GROUP, kind, NAME) for kind in s.NAMES)):
        assert asyncio.run(refused(guarded, user, subject)), subject
    assert asyncio.run(refused(guarded, user, f"$JS.API.STREAM.CREATE.{LOG}"))


def test_the_quoter_can_order_nothing_neither_by_the_server_nor_by_the_sequencer(guarded: Server) -> None:
    order = e.SubmitOrder(
        ts_ns=1,
        local_ns=1,
        instrument_id=NAME,
        order_id=1,
        side=Side.BUY,
        price_ticks=99,
        qty_lots=1,
        leaves_lots=1,
        time_in_force=TimeInForce.GTX,
    )

    async def run() -> tuple[int, int]:
        buses = {name: await connect(guarded, name) for name in (s.SEQUENCER, s.QUOTER, s.OPERATOR)}
        sequencer = Sequencer(buses[s.SEQUENCER], GROUP, stamper())
        await sequencer.start()
        await buses[s.SEQUENCER].client.flush()  # the server knows its subscriptions
        await buses[s.OPERATOR].publish(s.root_subject(GROUP, OWN), msgspec.msgpack.encode(Roots(OWN, 1, [HALT])))
        await until(lambda: s.QUOTER in sequencer.status()["waits_for"]["nodes"])
        seq = sequencer.status()["waits_for"]["seq"]
        report = msgspec.msgpack.encode(Report([(seq, [encode(order)])]))
        await buses[s.QUOTER].publish(s.report_subject(GROUP, s.QUOTER), report)
        await until(lambda: sequencer.counts.reports > 0)
        counts = sequencer.counts
        await sequencer.stop()
        for bus in buses.values():
            assert not bus.failed.done()
            await bus.close()
        return counts.reports_refused, counts.outputs

    assert asyncio.run(refused(guarded, s.QUOTER, s.subject_of(GROUP, e.SubmitOrder, NAME)))
    assert asyncio.run(run()) == (1, 0)


def test_a_source_publishes_roots_under_its_own_name_only(guarded: Server) -> None:
    async def run() -> dict[str, int]:
        writer, operator = await connect(guarded, s.SEQUENCER), await connect(guarded, s.OPERATOR)
        sequencer = Sequencer(writer, GROUP, stamper())
        await sequencer.start()
        await writer.client.flush()  # the server knows its subscriptions
        for source, root in ((s.RECORDER, encode(market(1)[0])), (OWN, HALT)):
            await operator.publish(s.root_subject(GROUP, OWN), msgspec.msgpack.encode(Roots(source, 1, [root])))
        await until(lambda: sequencer.counts.roots > 0)
        await sequencer.stop()
        await operator.close()
        await writer.close()
        return sequencer._intake._next

    assert asyncio.run(run()) == {OWN: 2}


def test_a_service_that_publishes_what_it_may_not_ends_with_one_line(guarded: Server) -> None:
    async def run() -> BaseException:
        bus = await connect(guarded, s.QUOTER)
        await bus.publish(s.report_subject(GROUP, s.RISK), b"")
        error = await failure(bus)
        await bus.close()
        return error

    error = asyncio.run(run())
    assert isinstance(error, InputError)
    assert str(error).startswith("[bus] user quoter: nats: permissions violation for publish to")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("wrong", "user quoter: refused; expected a user that the server knows"),
        ("", "empty; expected the password of user quoter"),
        (None, "No such file or directory; expected the password of user quoter"),
    ],
    ids=["wrong", "empty", "missing"],
)
def test_a_password_that_is_not_right_ends_a_service_with_one_line(
    guarded: Server, tmp_path: Path, given: str | None, what: str
) -> None:
    path = tmp_path / "password"
    if given is not None:
        path.write_text(given)
    settings = {"bus.url": guarded.url, "bus.group": GROUP, "bus.password_file": str(path)}
    done = subprocess.run(service("quoter", settings), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: [bus] ")
    assert what in done.stderr.splitlines()[-1]


def test_a_user_without_a_password_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"\[bus\] user quoter: no password; expected its file"):
        login_of(BusSettings(user="quoter"), "anything")


@pytest.mark.slow
def test_a_session_of_these_users_runs_to_its_end(guarded: Server, tmp_path: Path) -> None:
    instrument = tmp_path / "instrument.json"
    instrument.write_bytes(msgspec.json.encode(define("SYNTH", WsLines([SAMPLE])).instrument))
    for name, password in PASSWORDS.items():
        (tmp_path / name).write_text(password)
    settings = {
        "bus.url": guarded.url,
        "bus.group": GROUP,
        "bus.password_file": str(tmp_path),
        "bus.checkpoint_events": "20",
        "store.path": str(tmp_path / "clickhouse"),
    }
    replay = ["--instrument", str(instrument), "--source", f"replay:{SAMPLE}", "--duration-ns", str(SECONDS * 10**9)]
    with ExitStack() as running:
        processes = {
            name: running.enter_context(ended(service(name, settings, *(replay if name == s.RECORDER else ()))))
            for name in users(GROUP)
            if name != s.OPERATOR
        }
        status, orders = asyncio.run(until_stored(guarded, processes))
    command = paper_command(tmp_path / "memory", "--bus", "memory", "--duration", f"{SECONDS}s")
    with session(command, tmp_path) as process:
        assert orders == summary_of(process, END_S)["orders"] > 0
    assert [status[node]["checkpoints"] > 0 for node in INPUTS] == [True] * len(INPUTS)


async def until_stored(server: Server, processes: dict[str, subprocess.Popen[bytes]]) -> tuple[dict[str, Any], int]:
    """What the services report to the operator when the log has ended and the store holds it, and the orders in it."""
    bus = await connect(server, s.OPERATOR)
    async with asyncio.timeout(END_S):
        while True:
            assert [name for name, process in processes.items() if process.poll() is not None] == []
            status = {name: await bus.request(s.status_subject(GROUP, name)) for name in processes}
            writer, store = status[s.SEQUENCER], status[s.ARCHIVER]
            if writer and store and writer["ended"] and store["counted_seq"] >= writer["last_seq"]:
                break
    question = {"sql": "SELECT countIf(event = 'SubmitOrder') AS n FROM orders", "format": "JSONEachRow"}
    answer = await bus.request(s.sql_subject(GROUP), question, timeout_s=30)
    await bus.close()
    assert bus.errors == 0
    return status, int(json.loads(answer["answer"])["n"])


@contextmanager
def ended(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended with the block."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def service(name: str, settings: dict[str, str], *options: str) -> list[str]:
    """The command of a service."""
    given = [each for key, value in settings.items() for each in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", f"mm_services.{name}", "--config", str(CONFIG), *given, *options]

"""The archive in processes of its own: killed at any moment, over a real recording, and closed without a trace."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from mm_core import events as e
from mm_core.stamper import Stamper
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.schema import apply_schema
from mm_store.clickhouse.store import open_reader, open_store
from mm_store.clickhouse.tables import TABLES
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.define import define
from mm_venues.binance.feed import Feed

SESSION, KILLS, SEED = "killed", 12, 7
ENDLESS = 10**9
TICK_NS = 100_000_000
ROOT = Path(__file__).parents[2]

# Archives the sample log from where it stands, in batches of random size. Prints before each batch how many tables were
# ahead of the progress when it started: how far its predecessor had come in the batch that it died in.
WRITER = f"""
import random, sys
from pathlib import Path
from tests.unit.store_clickhouse.samples import log
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.schema import apply_schema
from mm_store.clickhouse.store import open_store
client = open_store(Path(sys.argv[1]))
apply_schema(client)
archive = Archive(client, "{SESSION}")
begun = sum(rows.stored_seq >= archive.next_seq for rows in archive._rows)
draw = random.Random(archive.next_seq)
until = archive.next_seq + draw.randrange(50, 300)
for seq, event in log(int(sys.argv[2]), archive.next_seq):
    archive.add(seq, event)
    if seq == until:
        print(begun, flush=True)
        archive.flush()
        until += draw.randrange(50, 300)
archive.flush()
client.close()
"""


def writer(folder: Path, length: int = ENDLESS) -> subprocess.Popen[str]:
    """A process that archives into a folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder.parent)}
    command = [sys.executable, "-W", "error", "-c", WRITER, str(folder), str(length)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def checksums(folder: Path) -> dict[str, tuple[int, int]]:
    """Rows, and a checksum over all their columns, of each table."""
    client = open_store(folder)
    query = "SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM {}"
    found = {table: client.query(query.format(table)).result_rows[0] for table in TABLES}
    client.close()
    return {table: (int(row[0]), int(row[1])) for table, row in found.items()}


def kill_one(folder: Path, draw: random.Random) -> int:
    """Let a writer live for some batches and a part of the next; how many tables it found ahead."""
    with writer(folder) as process:
        assert process.stdout
        begun = [int(process.stdout.readline()) for _ in range(draw.randrange(2, 6))]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    return begun[0]


def last_place(folder: Path) -> int:
    """The highest place of the log in any table."""
    client = open_store(folder)
    place = max(rows.stored_seq for rows in Archive(client, SESSION)._rows)
    client.close()
    return place


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_the_rows_of_an_undisturbed_one(tmp_path: Path) -> None:
    draw = random.Random(SEED)  # noqa: S311 - the moments of the kills, to be the same in each run
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    begun = [kill_one(killed, draw) for _ in range(KILLS)]
    length = last_place(killed) + 1_000
    for folder in (killed, undisturbed):
        with writer(folder, length) as process:
            printed, errors = process.communicate()
            begun.append(int(printed.split()[0]))
            assert (process.returncode, errors) == (0, "")
    found = checksums(killed)
    assert found == checksums(undisturbed)
    assert sum(count for count, _ in found.values()) == length
    assert sum(count > 0 for count in begun) >= 3, f"too few kills fell into a batch, they test nothing: {begun}"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """A store with its schema, closed by the test."""
    client = open_store(tmp_path / "store")
    apply_schema(client)
    return client


def recorded(folder: Path) -> list[e.AnyEvent]:
    """The root events of the BTCUSDT recording, stamped."""
    lines = WsLines([folder / "binance_spot" / f"btcusdt_2024080{day}.gz" for day in (8, 9)])
    instrument = define("BTCUSDT", lines, tick="0.01", lot="0.00001").instrument
    feed, stamper = Feed(instrument, TouchAudit(CompiledBook())), Stamper(TICK_NS)
    return [
        stamped for recv_ns, frame in lines for event in feed.feed(recv_ns, frame) for stamped in stamper.stamp(event)
    ]


def test_a_recording_is_stored_as_it_was(shared_data: Path, client: Client, tmp_path: Path) -> None:
    events = recorded(shared_data)
    archive = Archive(client, "btcusdt")
    for seq, event in enumerate(events, 1):
        archive.add(seq, event)
        if seq % 20_000 == 0:
            archive.flush()
    archive.flush()
    counts = archive.counts()
    assert {name: counts[name] for name in ("deltas", "trades", "book_tops")} == {
        "deltas": 6_493,
        "trades": 19_904,
        "book_tops": 73_174,
    }
    trades = [event for event in events if isinstance(event, e.Trade)]
    reader = open_reader(tmp_path / "store")
    sums = "sum(price_ticks * qty_lots), sum(toUnixTimestamp64Nano(local_ns) % 1000003), min(trade_id), max(trade_id)"
    expected = (
        sum(trade.price_ticks * trade.qty_lots for trade in trades),
        sum(trade.local_ns % 1_000_003 for trade in trades),
        min(trade.trade_id for trade in trades),
        max(trade.trade_id for trade in trades),
    )
    assert reader.query(f"SELECT {sums} FROM trades").result_rows == [expected]  # noqa: S608 - the test's own text
    levels = sum(len(event.bid_ticks) + len(event.ask_ticks) for event in events if isinstance(event, e.BookDelta))
    assert reader.query("SELECT count() FROM v_book_levels").result_rows == [(levels,)]
    reader.close()
    client.close()


CLOSING = """
import sys
from pathlib import Path
from mm_store.clickhouse.query import read_only
from mm_store.clickhouse.schema import apply_schema
from mm_store.clickhouse.store import open_reader, open_store
client = open_store(Path(sys.argv[1]))
apply_schema(client)
reader = open_reader(Path(sys.argv[1]))
print(read_only(reader, "select 1 as a", "CSVWithNames"))
if sys.argv[2] == "close":
    reader.close()
    client.close()
"""


@pytest.mark.parametrize("how", ["close", "leave open"])
def test_a_process_ends_at_once_and_silently(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-W", "error", "-c", CLOSING, str(tmp_path / "store"), how]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "b'\"a\"\\n1\\n'\n")

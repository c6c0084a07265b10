"""The archive: a home for every event, exact values, and the same rows however a process dies."""

from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from tests.unit.store_clickhouse.samples import log, sample

from mm_core import events as e
from mm_core.events import EVENTS
from mm_core.types import NS_PER_S, BookState, TimeInForce
from mm_store.clickhouse import archive as archives
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.tables import REASONS, ROW_KEY, TABLES, TIMES, new_table

HOME = {kind: table for table, kinds in TABLES.items() for kind in kinds}


def rows(client: Client, table: str, session: str) -> list[tuple[Any, ...]]:
    """All rows of a session, times as integers."""
    columns = ["seq", *(column.name for column in new_table(table).columns)]
    exact = [f"toUnixTimestamp64Nano({name})" if name in TIMES else name for name in columns]
    query = f"SELECT {', '.join(exact)} FROM {table} WHERE session = '{session}' ORDER BY seq"  # noqa: S608 - the test's own text
    return [tuple(row) for row in client.query(query).result_rows]


def content(client: Client, session: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a session by table."""
    return {table: rows(client, table, session) for table in TABLES}


def stored(kind: type[e.Event], name: str, value: Any) -> Any:
    """What a field's value reads like in ClickHouse."""
    if (kind, name) in REASONS:
        return REASONS[kind, name](value).name.lower()
    if isinstance(value, tuple):
        return list(value)
    return value.name.lower() if hasattr(value, "name") else value


def test_every_event_has_exactly_one_home() -> None:
    assert sorted(kind.__name__ for kinds in TABLES.values() for kind in kinds) == sorted(k.__name__ for k in EVENTS)
    assert [kind for kind in EVENTS if kind not in HOME] == []


@pytest.mark.parametrize("table", TABLES)
def test_the_columns_of_a_table_are_the_fields_of_its_events(store: Client, table: str) -> None:
    columns = [row[0] for row in store.query(f"DESCRIBE TABLE {table}").result_rows]
    fields = {field for kind in TABLES[table] for field in kind.__struct_fields__}
    named = {"event"} if len(TABLES[table]) > 1 else set()
    assert sorted(columns) == sorted({*ROW_KEY, *fields, *named})


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_an_event_is_one_row_that_reads_back_exactly(store: Client, kind: type[e.Event]) -> None:
    archive = Archive(store, f"exact {kind.__name__}")
    events = {seq: sample(kind, seq) for seq in (1, 2, 5)}
    for seq, event in events.items():
        archive.add(seq, event)
    archive.flush()
    names = ["seq", *(column.name for column in new_table(HOME[kind]).columns)]
    read = [dict(zip(names, row, strict=True)) for row in rows(store, HOME[kind], f"exact {kind.__name__}")]
    fields = kind.__struct_fields__
    assert [{name: row[name] for name in ("seq", *fields)} for row in read] == [
        {"seq": seq} | {name: stored(kind, name, getattr(event, name)) for name in fields}
        for seq, event in events.items()
    ]
    absent = [name for name in names if name not in {*fields, "seq", "event"}]
    assert {row[name] for row in read for name in absent} <= {None}
    assert {row["event"] for row in read if "event" in row} <= {kind.__name__}


def test_the_largest_and_smallest_integers_are_exact(store: Client) -> None:
    archive = Archive(store, "extremes")
    trade = msgspec.structs.replace(sample(e.Trade, 1), trade_id=2**63 - 1, qty_lots=-(2**63), root_seq=2**53 + 1)
    archive.add(1, trade)
    archive.flush()
    query = "SELECT trade_id, qty_lots, root_seq FROM trades WHERE session = 'extremes'"
    assert store.query(query).result_rows == [(2**63 - 1, -(2**63), 2**53 + 1)]


def test_counts_are_those_of_the_session_alone(store: Client) -> None:
    for session, length in (("counted", 400), ("other", 100)):
        archive = Archive(store, session)
        for seq, event in log(length):
            archive.add(seq, event)
        archive.flush()
    given = [type(event) for _, event in log(400)]
    counts = Archive(store, "counted").counts()
    kinds = {"deltas": e.BookDelta, "trades": e.Trade, "fills": e.OrderFilled, "orders": e.SubmitOrder}
    assert {name: counts[name] for name in kinds} == {name: given.count(kind) for name, kind in kinds.items()}
    assert counts["orders"] > 0


def test_pending_counts_down_and_the_next_place_follows_the_batches(store: Client) -> None:
    archive = Archive(store, "pending")
    assert (archive.next_seq, archive.pending) == (1, 0)
    for seq, event in log(30):
        archive.add(seq, event)
    assert (archive.next_seq, archive.pending) == (1, 30)
    archive.flush()
    assert (archive.next_seq, archive.pending) == (31, 0)
    archive.flush()
    assert Archive(store, "pending").next_seq == 31


def test_places_of_the_log_must_increase(store: Client) -> None:
    archive = Archive(store, "order")
    archive.add(3, sample(e.Tick, 3))
    with pytest.raises(AssertionError, match="place 3 of the log after 3"):
        archive.add(3, sample(e.Tick, 3))
    archive.flush()
    with pytest.raises(AssertionError, match="place 3 of the log after 3"):
        Archive(store, "order").add(3, sample(e.Tick, 3))


@pytest.fixture(scope="module")
def undisturbed(store: Client) -> dict[str, list[tuple[Any, ...]]]:
    """What the log of 120 events leaves when nothing happens."""
    archive = Archive(store, "undisturbed")
    for seq, event in log(120):
        archive.add(seq, event)
    archive.flush()
    return content(store, "undisturbed")


@pytest.mark.parametrize("written", [0, 1, 2, 8, 13, 14, 15])
def test_whatever_inserts_of_a_batch_a_dead_process_made_the_next_one_completes_them(
    store: Client, undisturbed: dict[str, list[tuple[Any, ...]]], written: int
) -> None:
    session = f"dead after {written}"
    dead = Archive(store, session)
    for seq, event in log(70):
        dead.add(seq, event)
        if seq == 20:
            dead.flush()
    dead._build()
    for block in list(dead._blocks)[:written]:
        dead._insert(block)
    restarted = Archive(store, session)
    assert restarted.next_seq == (71 if written >= len(dead._blocks) else 21)
    for seq, event in log(120):
        if seq >= restarted.next_seq:
            restarted.add(seq, event)
        if seq in {45, 46, 99}:  # other batches than before
            restarted.flush()
    restarted.flush()
    assert content(store, session) == undisturbed
    assert len(dead._blocks) == 15  # of each table, and the progress


def test_a_large_batch_is_cut_between_events_and_a_cut_one_completed(
    store: Client, undisturbed: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "BLOCK_ROWS_MAX", 3)
    dead = Archive(store, "cut")
    for seq, event in log(100):
        dead.add(seq, event)
    dead._build()
    for block in list(dead._blocks)[:11]:
        dead._insert(block)
    assert max(block.batch.num_rows for block in dead._blocks) == 3
    restarted = Archive(store, "cut")
    for seq, event in log(120):
        restarted.add(seq, event)
    restarted.flush()
    assert content(store, "cut") == undisturbed


def test_an_insert_is_one_part_so_it_is_whole_or_not_there(store: Client) -> None:
    archive = Archive(store, "one part")
    tick = sample(e.Tick, 1)
    for seq in range(1, archives.BLOCK_ROWS_MAX + 1):
        archive.add(seq, tick)
    archive.flush()
    parts = store.query("SELECT max(rows) FROM system.parts WHERE table = 'ticks' AND level = 0").result_rows
    assert parts == [(archives.BLOCK_ROWS_MAX,)]


def test_a_session_whose_rows_were_deleted_can_be_archived_again(store: Client) -> None:
    for _ in range(2):
        archive = Archive(store, "again")
        archive.add(1, sample(e.Tick, 1))
        archive.flush()
        assert len(rows(store, "ticks", "again")) == 1
        for table in ("ticks", "archived"):
            store.command(f"DELETE FROM {table} WHERE session = 'again'")  # noqa: S608 - the test's own text


def test_views_give_human_units_exactly(store: Client) -> None:
    archive = Archive(store, "units")
    about: dict[str, Any] = {"instrument_id": "binance.BTCUSDT", "ts_ns": 1, "local_ns": 2}
    archive.add(1, e.InstrumentDefined(**about, venue_symbol="BTCUSDT", tick_size="0.01", lot_size="0.00001"))
    order: dict[str, Any] = about | {"order_id": 1, "side": 1, "price_ticks": 6_160_399, "leaves_lots": 0}
    fill = order | {"qty_lots": 43, "maker": True, "fee_e9": -5_297_943}
    archive.add(2, e.OrderFilled(**fill, mid_half_ticks=12_320_799))
    archive.add(3, e.OrderFilled(**fill))
    archive.flush()
    names = ", ".join(f"toString({name})" for name in ("price", "qty", "value", "fee", "mid"))
    query = f"SELECT {names} FROM v_fills WHERE session = 'units' ORDER BY seq"  # noqa: S608 - the test's own text
    shown = ("61603.99", "0.00043", "26.4897157", "-0.005297943")
    assert store.query(query).result_rows == [(*shown, "61603.995"), (*shown, None)]


def test_what_a_fill_earned_is_of_the_book_its_order_was_decided_on(store: Client) -> None:
    """Bought at 100 ticks: 2 below its Book's mid, 1 below the venue's, 0.5 above our mid a second later."""
    about: dict[str, Any] = {"instrument_id": "binance.ETHUSDT"}
    order = about | {"side": 0, "price_ticks": 100, "qty_lots": 10}
    fill = order | {"leaves_lots": 0, "maker": True, "fee_e9": 0, "mid_half_ticks": 202}

    def book(local_ns: int, bid_ticks: int, ask_ticks: int) -> Any:
        touch = {"bid_ticks": bid_ticks, "ask_ticks": ask_ticks, "bid_lots": 1, "ask_lots": 1}
        touch |= {"mid_half_ticks": bid_ticks + ask_ticks}
        given = about | {"ts_ns": local_ns, "local_ns": local_ns, "state": BookState.VALID}
        return msgspec.structs.replace(sample(e.Book, 1), **given, **touch)

    def intent(local_ns: int, order_id: int, kind: TimeInForce) -> Any:
        given = order | {"ts_ns": local_ns, "local_ns": local_ns, "order_id": order_id, "time_in_force": kind}
        return msgspec.structs.replace(sample(e.OrderIntent, 1), **given)

    log: list[Any] = [
        e.InstrumentDefined(**about, ts_ns=1, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001"),
        book(10, 101, 103),
        intent(10, 1, TimeInForce.GTX),
        intent(10, 2, TimeInForce.IOC),
        book(10, 111, 113),
        e.OrderFilled(**fill, order_id=1, ts_ns=20, local_ns=30),
        e.OrderFilled(**fill, order_id=2, ts_ns=20, local_ns=30),
        book(NS_PER_S + 20, 99, 100),
        book(NS_PER_S + 21, 90, 91),
        e.OrderFilled(**fill, order_id=1, ts_ns=NS_PER_S + 40, local_ns=NS_PER_S + 40),
    ]
    archive = Archive(store, "earned")
    for seq, event in enumerate(log, 1):
        archive.add(seq, event)
    archive.flush()
    names = "toString(qty), toFloat64(quoted), toFloat64(effective), toFloat64(realised_1s_seen)"
    query = f"SELECT {names} FROM v_fill_spreads WHERE session = 'earned' ORDER BY seq"  # noqa: S608 - the test's own text
    assert store.query(query).result_rows == [("0.01", 0.2, 0.1, -0.05), ("0.01", 0.2, 0.1, None)]


VIEWS = (
    *("v_trades", "v_book_tops", "v_book_levels", "v_books", "v_orders", "v_fills", "v_positions", "risk_decisions"),
    "v_fill_spreads",
)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_answers_for_every_event_of_its_tables(store: Client, view: str) -> None:
    archive = Archive(store, f"view {view}")
    archive.add(1, msgspec.structs.replace(sample(e.InstrumentDefined, 1), tick_size="0.1", lot_size="0.001"))
    for seq, kind in enumerate(EVENTS[1:], 2):
        archive.add(seq, sample(kind, seq))
    archive.flush()
    found = store.query(f"SELECT * FROM {view} WHERE session = 'view {view}'").result_rows  # noqa: S608 - the test's own text
    assert len(found) == {"v_orders": 9, "risk_decisions": 3, "v_book_levels": 0, "v_fill_spreads": 0}.get(view, 1)

"""Events to rows to events, and tapes on disk."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.events import BookDelta, BookSnapshot, BookTop, FeedStatus, InstrumentDefined, RootEvent, Trade
from mm_core.types import INT64_MAX, BookState, InputError, Side
from mm_store import tape_rows
from mm_store.tape import COLUMNS, Kind, Tape, TapeBuilder, events, read_tape, write_tape
from mm_store.tape_days import write_days
from mm_venues.defined import Defined

IT: dict[str, Any] = {"instrument_id": "binance.ETHUSDT"}
ETH = InstrumentDefined(
    **IT, ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001", base="ETH", qty_lots_min=2
)
DELTA = BookDelta(
    **IT,
    ts_ns=20,
    recv_ns=21,
    first_update_id=6,
    update_id=7,
    bid_ticks=(9, 10),
    bid_lots=(0, 3),
    ask_ticks=(12,),
    ask_lots=(4,),
)
EMPTY = BookDelta(
    **IT,
    ts_ns=30,
    recv_ns=31,
    first_update_id=8,
    update_id=8,
    bid_ticks=(),
    bid_lots=(),
    ask_ticks=(),
    ask_lots=(),
)
SNAPSHOT = BookSnapshot(
    **IT, ts_ns=10, recv_ns=11, update_id=5, bid_ticks=(9, 8), bid_lots=(1, 2), ask_ticks=(11,), ask_lots=(5,)
)
TRADE = Trade(**IT, ts_ns=25, recv_ns=26, trade_id=77, side=Side.SELL, price_ticks=9, qty_lots=6)
STATUS = FeedStatus(
    **IT, ts_ns=20, recv_ns=21, state=BookState.VALID, epoch=3, complete_low_ticks=8, complete_high_ticks=11
)


def to_tape(*facts: RootEvent) -> Tape:
    """The tape of these events."""
    builder = TapeBuilder(ETH)
    builder.add(facts)
    return builder.tape()


def rows(tape: Tape) -> list[tuple[int, ...]]:
    """(kind, exch_ns, recv_ns, id, side, tick, lots, last) of each row."""
    names = ("kind", "exch_ns", "recv_ns", "id", "side", "tick", "lots", "last")
    return list(zip(*(getattr(tape, name).tolist() for name in names), strict=True))


def test_each_event_has_its_rows() -> None:
    assert rows(to_tape(SNAPSHOT, DELTA, STATUS, TRADE, EMPTY)) == [
        (Kind.CLEAR, 10, 11, 5, 0, 0, 0, False),
        (Kind.SNAPSHOT, 10, 11, 5, 0, 9, 1, False),
        (Kind.SNAPSHOT, 10, 11, 5, 0, 8, 2, False),
        (Kind.SNAPSHOT, 10, 11, 5, 1, 11, 5, True),
        (Kind.DEPTH, 20, 21, 7, 0, 9, 0, False),
        (Kind.DEPTH, 20, 21, 7, 0, 10, 3, False),
        (Kind.DEPTH, 20, 21, 7, 1, 12, 4, True),
        (Kind.STATUS, 20, 21, 3, BookState.VALID, 8, 11, True),
        (Kind.TRADE, 25, 26, 77, Side.SELL, 9, 6, True),
        (Kind.DEPTH, 30, 31, 8, 0, 0, -1, True),
    ]


def test_columns_have_the_types_of_the_format() -> None:
    tape = to_tape(SNAPSHOT, DELTA)
    assert {name: getattr(tape, name).dtype for name in COLUMNS} == {
        name: np.dtype(kind) for name, kind in COLUMNS.items()
    }


def test_events_are_counted_by_kind() -> None:
    no_levels = msgspec.structs.replace(SNAPSHOT, bid_ticks=(), bid_lots=(), ask_ticks=(), ask_lots=())
    counts = to_tape(SNAPSHOT, DELTA, EMPTY, no_levels, TRADE, STATUS).counts()
    assert counts == {"depth": 2, "trade": 1, "snapshot": 2, "status": 1, "top": 0}


def test_a_book_top_is_two_rows_and_reads_back() -> None:
    top = BookTop(**IT, ts_ns=1, update_id=5, bid_ticks=9, bid_lots=1, ask_ticks=0, ask_lots=0)
    tape = to_tape(top, ETH)
    assert (tape.tick.tolist(), tape.lots.tolist(), tape.last.tolist()) == ([9, 0], [1, 0], [False, True])
    assert list(events(tape))[1:] == [top]


def test_a_price_beyond_the_column_is_one_clear_line() -> None:
    with pytest.raises(InputError, match=r"a price of 2147483648 ticks: .* expected a larger tick"):
        to_tape(msgspec.structs.replace(TRADE, price_ticks=2**31))


times = st.fixed_dictionaries({"ts_ns": st.integers(0, INT64_MAX), "recv_ns": st.integers(0, INT64_MAX)})
level = st.tuples(st.integers(1, 2**31 - 1), st.integers(0, INT64_MAX))
books = st.tuples(st.lists(level, max_size=4), st.lists(level, max_size=4)).map(
    lambda sides: {
        "bid_ticks": tuple(ticks for ticks, _ in sides[0]),
        "bid_lots": tuple(lots for _, lots in sides[0]),
        "ask_ticks": tuple(ticks for ticks, _ in sides[1]),
        "ask_lots": tuple(lots for _, lots in sides[1]),
    }
)
ids = st.integers(0, INT64_MAX)
root_events = st.one_of(
    st.builds(lambda t, i, b: BookDelta(**IT, **t, first_update_id=0, update_id=i, **b), times, ids, books),
    st.builds(lambda t, i, b: BookSnapshot(**IT, **t, update_id=i, **b), times, ids, books),
    st.builds(
        lambda t, i, s, at: Trade(**IT, **t, trade_id=i, side=s, price_ticks=at[0], qty_lots=at[1]),
        times,
        ids,
        st.sampled_from(Side),
        level,
    ),
    st.builds(
        lambda t, i, s, w: FeedStatus(**IT, **t, epoch=i, state=s, complete_low_ticks=w[0], complete_high_ticks=w[1]),
        times,
        ids,
        st.sampled_from(BookState),
        level,
    ),
)


def with_first_ids(facts: list[RootEvent]) -> list[RootEvent]:
    """The events with the `first_update_id` that a tape implies: the id before it + 1."""
    implied: list[RootEvent] = []
    before: int | None = None
    for event in facts:
        if isinstance(event, BookDelta):
            first = event.update_id if before is None else before + 1
            implied.append(msgspec.structs.replace(event, first_update_id=first))
        else:
            implied.append(event)
        before = event.update_id if isinstance(event, BookDelta | BookSnapshot) else before
    return implied


@given(st.lists(root_events, max_size=20))
def test_events_survive_the_tape(facts: list[RootEvent]) -> None:
    _, *read = events(to_tape(*facts))
    assert read == with_first_ids(facts)


def test_a_long_tape_is_built_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    facts: list[RootEvent] = [SNAPSHOT, DELTA, STATUS, TRADE, EMPTY] * 3
    complete = rows(to_tape(*facts))
    monkeypatch.setattr(tape_rows, "_PART_ROWS", 4)
    assert rows(to_tape(*facts)) == complete


def test_a_tape_comes_back_from_disk_with_its_instrument(tmp_path: Path) -> None:
    facts = (STATUS, SNAPSHOT, DELTA, TRADE, EMPTY)
    write_tape(tmp_path / "a.parquet", to_tape(*facts[:3]))
    write_tape(tmp_path / "b.parquet", to_tape(*facts[3:]))
    tape = read_tape([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert list(events(tape)) == [msgspec.structs.replace(ETH, ts_ns=20, recv_ns=21), *facts]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.parquet", "b.parquet"]


def days_on_disk(tmp_path: Path, *days: list[RootEvent]) -> list[Path]:
    """A tape per day, each with its opening."""
    defined = Defined(instrument=ETH, tick_source="", lot_source="")
    tapes = [(f"2026010{day}", to_tape(*facts)) for day, facts in enumerate(days, start=1)]
    folders = write_days(tmp_path, defined, tapes, force=True)
    return [folder / f"tape_ETHUSDT_{folder.name}.parquet" for folder in folders]


LATER = msgspec.structs.replace(
    DELTA, update_id=8, first_update_id=8, bid_ticks=(9,), bid_lots=(5,), ask_ticks=(), ask_lots=()
)
LAST = msgspec.structs.replace(EMPTY, update_id=9, first_update_id=9)
DAYS: list[list[RootEvent]] = [[SNAPSHOT, DELTA, STATUS, TRADE], [TRADE, LATER], [LAST]]
# 9 is removed by DELTA and comes again by LATER.
BOOK_1 = msgspec.structs.replace(
    SNAPSHOT, ts_ns=20, recv_ns=21, update_id=7, bid_ticks=(10, 8), bid_lots=(3, 2), ask_ticks=(11, 12), ask_lots=(5, 4)
)
BOOK_2 = msgspec.structs.replace(BOOK_1, update_id=8, bid_ticks=(10, 9, 8), bid_lots=(3, 5, 2))


def test_days_that_follow_each_other_are_the_session(tmp_path: Path) -> None:
    _, *read = events(read_tape(days_on_disk(tmp_path, *DAYS)))
    assert read == with_first_ids([event for day in DAYS for event in day])


def test_a_later_day_alone_begins_with_the_book_and_the_status(tmp_path: Path) -> None:
    paths = days_on_disk(tmp_path, *DAYS)
    _, *read = events(read_tape(paths[1:]))
    assert read == [BOOK_1, STATUS, TRADE, LATER, LAST]
    _, *read = events(read_tape(paths[2:]))
    assert read == [BOOK_2, STATUS, LAST]


def test_behind_a_hole_the_opening_stays(tmp_path: Path) -> None:
    paths = days_on_disk(tmp_path, *DAYS)
    _, *read = events(read_tape([paths[0], paths[2]]))
    assert [type(event).__name__ for event in read[4:]] == ["BookSnapshot", "FeedStatus", "BookDelta"]


def test_a_book_that_was_not_proven_is_not_proven_by_the_next_day(tmp_path: Path) -> None:
    gap = msgspec.structs.replace(STATUS, state=BookState.GAP, epoch=3)
    paths = days_on_disk(tmp_path, [*DAYS[0], gap], [TRADE])
    _, book, status, _ = events(read_tape(paths[1:]))
    assert isinstance(book, BookSnapshot)
    assert isinstance(status, FeedStatus)
    assert status.state is BookState.GAP
    syncing = msgspec.structs.replace(STATUS, state=BookState.SYNCING)
    _, *read = events(read_tape(days_on_disk(tmp_path, [syncing], [TRADE])[1:]))
    assert read == [syncing, TRADE]


@given(st.lists(st.lists(root_events, max_size=6), min_size=1, max_size=4))
def test_however_a_session_is_cut_its_days_are_the_session(
    tmp_path_factory: pytest.TempPathFactory, days: list[list[RootEvent]]
) -> None:
    days = [day for day in days if day] or [[TRADE]]
    paths = days_on_disk(tmp_path_factory.mktemp("days"), *days)
    _, *read = events(read_tape(paths))
    assert read == with_first_ids([event for day in days for event in day])


def test_the_metadata_names_the_instrument_and_counts(tmp_path: Path) -> None:
    write_tape(tmp_path / "a.parquet", to_tape(DELTA, TRADE))
    metadata = pq.read_schema(tmp_path / "a.parquet").metadata
    assert metadata[b"instrument_id"] == b"binance.ETHUSDT"
    assert (metadata[b"tick_size"], metadata[b"lot_size"]) == (b"0.1", b"0.001")
    assert msgspec.json.decode(metadata[b"counts"]) == {"depth": 1, "trade": 1, "snapshot": 0, "status": 0, "top": 0}


def test_tapes_of_two_tick_sizes_are_no_session(tmp_path: Path) -> None:
    tape = to_tape(DELTA)
    write_tape(tmp_path / "a.parquet", tape)
    other = msgspec.structs.replace(tape, instrument=msgspec.structs.replace(ETH, tick_size="0.01"))
    write_tape(tmp_path / "b.parquet", other)
    with pytest.raises(
        InputError, match=r"b.parquet: binance.ETHUSDT with tick 0.01 .* expected .* with 0.1 and 0.001"
    ):
        read_tape([tmp_path / "a.parquet", tmp_path / "b.parquet"])


def test_what_is_no_tape_is_one_clear_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    for name, message in [("other", "not a tape"), ("text", "expected a tape in Parquet"), ("none", "no such file")]:
        with pytest.raises(InputError, match=message) as error:
            read_tape([tmp_path / f"{name}.parquet"])
        assert "\n" not in str(error.value)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"a.parquet: cannot be written: Not a directory; expected a writable folder"):
        write_tape(tmp_path / "file" / "day" / "a.parquet", to_tape(DELTA))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_tape(path, to_tape(DELTA))
    before = path.read_bytes()
    broken = msgspec.structs.replace(to_tape(DELTA), tick=np.zeros(1, np.int32))
    with pytest.raises(pa.ArrowInvalid):
        write_tape(path, broken)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]

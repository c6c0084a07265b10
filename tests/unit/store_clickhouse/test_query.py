"""Queries of a reading user: what they may ask, and what three walls keep out."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from tests.unit.store_clickhouse.refused import refused
from tests.unit.store_clickhouse.samples import log

from mm_core.types import InputError
from mm_store.clickhouse.allowed import TABLE_FUNCTIONS, Functions
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.query import FORMATS, read_only
from mm_store.clickhouse.store import open_reader

LINES, CSV = "JSONEachRow", "CSVWithNames"
ALLOWED = """
select 1
select 1;
/* a comment */ select 1 -- another
(select 1) union all (select 2)
select 1 intersect select 1
from fills select count()
select count() from crypto_mm.fills
select f.* except (session) replace (seq + 1 as seq), columns('.*_ns') from fills as f
with x as (select * from v_fills) select quantileIf(0.5)(price, qty > 0), count(distinct side), anyOrNull(maker) from x
select toStartOfMinute(ts_ns) as m, count() from trades group by m order by m with fill limit 3
select f.seq from fills as f asof join trades as t on f.session = t.session and f.ts_ns >= t.ts_ns
select row_number() over (partition by side order by seq), lagInFrame(seq) over w from fills window w as (order by seq)
select case when side = 'buy' then 1 else -1 end, case side when 'buy' then 1 end, if(maker, 1, 0) from fills
select interval 1 day, now() - interval 1 hour, [1, 2][1], (1, 2).1, map('a', 1)['a'], 1::String, date '2020-01-01'
select arrayMap((a, b) -> a * b, bid_ticks, bid_lots), arrayJoin([1, 2]), length(ask_lots) from book_deltas
select number % 3 as a, sum(number) from numbers(10) group by rollup(a) having a > 0 order by a limit 1 by a
select * from generate_series(1, 3)
select * from values('a Int64', 1, 2)
select * from (values (1), (2))
select exists(select 1), 1 in (select 1), today(), coalesce(null, 1), toUnixTimestamp64Nano(ts_ns) from ticks
select avg(x), stddevPop(x), median(x), quantiles(0.1, 0.9)(x), argMax(x, x), groupArray(x) from (select 1 as x)
select map('a', 1)['a'], arrayJoin(executable_spread_bps) from fills, books
select name, engine from system.tables where database = currentDatabase()
select table_name from information_schema.tables limit 1
select formatReadableSize(sum(bytes_on_disk)) from system.parts
show tables
show tables from crypto_mm like 'v_%'
show databases
show columns from fills
show create table fills
show create view v_fills
describe fills
describe (select * from fills)
exists table fills
exists view v_fills
explain select * from fills
explain indexes = 1 select * from fills where session = 'a'
explain query tree select 1
explain pipeline select 1
explain estimate select count() from fills
explain ast select 1
explain syntax select 1
"""


@pytest.fixture(scope="module")
def reader(store: Client, folder: Path) -> Iterator[Client]:
    """A reading client beside the writing one, and something to read."""
    archive = Archive(store, "read")
    for seq, event in log(60):
        archive.add(seq, event)
    archive.flush()
    client = open_reader(folder)
    yield client
    client.close()


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a file that no query may see."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.csv").write_text("SECRET\n")
    return tmp_path


@pytest.mark.parametrize("sql", ALLOWED.strip().splitlines())
def test_reading_is_allowed(reader: Client, sql: str) -> None:
    assert read_only(reader, sql, CSV)


@pytest.mark.parametrize("sql", refused())
def test_everything_else_is_refused_in_one_line(reader: Client, store: Client, secret: Path, sql: str) -> None:
    before = store.command("SELECT count() FROM fills")
    with pytest.raises(InputError, match=r"^sql: ") as error:
        read_only(reader, sql, CSV)
    assert "\n" not in str(error.value)
    assert "SECRET" not in str(error.value)
    assert [path.name for path in secret.iterdir()] == ["secret.csv"]
    assert store.command("SELECT count() FROM fills") == before


@pytest.mark.parametrize("sql", ["select '\x00'", "select '" + "x" * 100_000 + "'", "", ";", "-- nothing"])
def test_what_is_no_statement_is_refused(reader: Client, sql: str) -> None:
    with pytest.raises(InputError, match=r"^sql: "):
        read_only(reader, sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec 1", "sql: Syntax error: failed at position 7 (1)"),
        ("select nothing from fills", "Unknown expression identifier"),
        ("select * from fils", "Maybe you meant crypto_mm.fills?"),
        ("drop table fills", "sql: DROP is not allowed; expected one SELECT"),
        ("select 1 format CSV", "without INTO OUTFILE, FORMAT or SETTINGS"),
    ],
)
def test_an_error_names_what_is_wrong(reader: Client, sql: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_only(reader, sql)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_every_format_is_what_clickhouse_writes(reader: Client) -> None:
    sql = "select number as n, 'é' as text from numbers(2)"
    answers = {output_format: read_only(reader, sql, output_format) for output_format in FORMATS}
    assert answers["CSVWithNames"] == '"n","text"\n0,"é"\n1,"é"\n'.encode()
    assert answers["TabSeparatedWithNames"] == "n\ttext\n0\té\n1\té\n".encode()
    assert [msgspec.json.decode(line) for line in answers[LINES].splitlines()] == [
        {"n": 0, "text": "é"},
        {"n": 1, "text": "é"},
    ]
    assert "┌─n─┬─text─┐" in answers["PrettyCompact"].decode()
    assert b"\x1b" not in answers["PrettyCompact"]
    with pytest.raises(InputError, match="expected one of PrettyCompact"):
        read_only(reader, sql, "Parquet")


def test_too_large_an_answer_is_refused_and_does_not_leak_into_the_next(reader: Client) -> None:
    with pytest.raises(InputError, match="Limit for result exceeded"):
        read_only(reader, "select number from numbers(2000000)", CSV)
    assert read_only(reader, "select 'clean' as a", CSV) == b'"a"\n"clean"\n'


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO fills SELECT * FROM fills",
        "DROP TABLE fills",
        "CREATE TABLE x (a Int64) ENGINE = Memory",
        "SET readonly = 0",
        "SET max_execution_time = 0",
        "SELECT * FROM file('secret.csv', LineAsString)",
        "SELECT * FROM url('http://127.0.0.1:9/', CSV, 'a String')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM executable('x', CSV, 'a String')",
        "SELECT * FROM Python(secret)",
    ],
)
def test_the_readonly_session_is_a_wall_of_its_own(reader: Client, secret: Path, sql: str) -> None:
    assert secret.is_dir()
    with pytest.raises(DatabaseError, match=r"READONLY|FUNCTION_NOT_ALLOWED"):
        reader.raw_query(sql)


def test_a_writing_client_is_not_taken_for_reading(store: Client) -> None:
    with pytest.raises(AssertionError, match="expected a client of open_reader"):
        read_only(store, "select 1")


def test_no_allowed_function_shares_its_name_with_a_table_function_but_format(reader: Client) -> None:
    functions = Functions(list(reader.query("SELECT * FROM system.functions").named_results()), [])
    names = [name for (name,) in reader.query("SELECT name FROM system.table_functions").result_rows]
    assert [name for name in names if functions.allowed(name)] == ["format"]
    assert len(names) > len(TABLE_FUNCTIONS) * 5


def test_a_user_defined_function_is_not_allowed(reader: Client, store: Client) -> None:
    store.command("CREATE FUNCTION reads_a_file AS path -> file(path)")
    with pytest.raises(InputError, match="function reads_a_file is not allowed"):
        read_only(reader, "select reads_a_file('secret.csv')")
    store.command("DROP FUNCTION reads_a_file")

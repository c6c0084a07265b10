"""Queries that only read: what `crypto-mm sql` may ask. Three walls, each enough for most of what could go wrong.

1. ClickHouse's own parser turns the text into one canonical statement, without comments, quoting tricks or a second
   statement, and shows its syntax tree; `allowed` decides on the tree by lists of what is allowed.
2. What runs is the canonical text, in a session that is `readonly` for good.
3. The session is bounded in time, memory, rows and bytes (`store.READER`).
"""

import re

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error, OperationalError
from urllib3.exceptions import HTTPError

from mm_core.types import InputError
from mm_store.clickhouse.allowed import EXPECTED, Functions, refusal
from mm_store.clickhouse.errors import StoreUnavailable, one_line

FORMATS = ("PrettyCompact", "JSONEachRow", "CSVWithNames", "TabSeparatedWithNames")
SQL_BYTES_MAX = 100_000
MESSAGE_CHARS_MAX = 300
# What the parser would have taken instead fills a page, and the scope is the statement itself.
_NOISE = re.compile(r"^(Code: \d+\. )+|(?<=\)): .*?Expected one of.*|:? In scope SELECT formatQuery.*")
_FUNCTIONS = "SELECT name, case_insensitive, alias_to, is_aggregate, categories, origin FROM system.functions"
# The parser takes an output clause behind a statement that has none.
_OUTPUT = " INTO OUTFILE 'none' FORMAT Null"


def read_only(reader: Client, sql: str, output_format: str = FORMATS[0]) -> bytes:
    """The answer to one reading statement, as ClickHouse writes it in `output_format`, one of FORMATS.

    `reader` comes from `open_reader` and is used by one thread at a time. InputError with one line for SQL that is
    wrong, does more than read, or goes beyond the bounds; StoreUnavailable while a server does not answer.
    """
    assert str(reader.get_client_setting("readonly")) == "1", "expected a client of open_reader"
    if output_format not in FORMATS:
        raise InputError(f"format {output_format!r}: expected one of {', '.join(FORMATS)}")
    if len(sql.encode()) > SQL_BYTES_MAX or "\0" in sql:
        raise InputError(f"sql: expected a statement of at most {SQL_BYTES_MAX} bytes of text")
    statement = _canonical(reader, sql)
    if not _parses(reader, statement + _OUTPUT):
        raise InputError(f"sql: expected {EXPECTED}, without INTO OUTFILE, FORMAT or SETTINGS behind it")
    tree = _ask(reader, f"EXPLAIN AST {statement}", "TSVRaw").decode(errors="replace").splitlines()
    if why := refusal(statement, tree, _foreign(reader), _functions(reader)):
        raise InputError(f"sql: {why}")
    return _ask(reader, statement, output_format)


def _canonical(reader: Client, sql: str) -> str:
    """The one statement of a text as ClickHouse's parser writes it; hexadecimal, so nothing can end the literal."""
    return _ask(reader, f"SELECT formatQuerySingleLine(unhex('{sql.encode().hex()}'))", "RawBLOB").decode()


def _parses(reader: Client, sql: str) -> bool:
    null = _ask(reader, f"SELECT isNull(formatQuerySingleLineOrNull(unhex('{sql.encode().hex()}')))", "RawBLOB")
    return null == b"\x00" or null.strip() == b"0"


def _foreign(reader: Client) -> list[str]:
    """The databases that are not the store's."""
    names = _ask(reader, "SELECT name FROM system.databases", "TSVRaw").decode().splitlines()
    return [name for name in names if name != reader.database]


def _functions(reader: Client) -> Functions:
    combinators = reader.query("SELECT name FROM system.aggregate_function_combinators").result_rows
    return Functions(list(reader.query(_FUNCTIONS).named_results()), [name for (name,) in combinators])


def _ask(reader: Client, sql: str, output_format: str) -> bytes:
    try:
        return reader.raw_query(sql, fmt=output_format)
    except (HTTPError, OSError, OperationalError) as error:
        raise StoreUnavailable(f"sql: {one_line(error)}") from error
    except Error as error:
        # chdb 26.9: what a failing query had written already stands in front of the connection's next answer.
        reader.raw_query("SELECT 1")
        raise InputError(f"sql: {_NOISE.sub('', one_line(error))[:MESSAGE_CHARS_MAX]}") from error

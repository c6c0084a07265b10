"""Opening the store: the embedded engine in a folder, or a server by its URL; for writing, or for bounded reading."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ProgrammingError

from mm_core.types import InputError
from mm_store.clickhouse.errors import one_line, reaching

DATABASE = "crypto_mm"
HTTP_PORT, HTTPS_PORT = 8123, 8443
CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S = 5, 60
# The engine shares its machine with what trades. An archive's blocks are small: one thread writes them cheapest.
WRITER = {"max_threads": 1, "max_insert_threads": 1, "async_insert": 0}
EMBEDDED_WRITER = WRITER | {"use_concurrency_control": 0}
# `readonly` stands last: behind it no setting can be changed, not even by itself.
READER = {
    "max_threads": 1,
    "max_execution_time": 30,
    "max_result_rows": 1_000_000,
    "max_result_bytes": 256_000_000,
    "result_overflow_mode": "throw",
    "max_memory_usage": 1_000_000_000,
    "max_ast_elements": 5_000,
    "allow_ddl": 0,
    "allow_introspection_functions": 0,
    "output_format_pretty_color": 0,
    "output_format_pretty_row_numbers": 0,
    "readonly": 1,
}
EMBEDDED_READER = {"allow_python_table_function": 0} | READER
SERVER_READER = {"wait_end_of_query": 1} | READER  # an answer that fails half-way is an error, not half an answer
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def open_store(
    path: Path | None, url: str = "", *, user: str = "default", password: str = "", database: str = DATABASE
) -> Client:
    """A client that writes: of the server at `url` (`http://host:port`), else of the engine embedded in `path`.

    Makes the folder and the database. One process at a time can have a folder. InputError for what cannot be right,
    StoreUnavailable while a server does not answer.
    """
    _check_database(database)
    client = _connect(url, user, password, WRITER) if url else _embed(path, EMBEDDED_WRITER)
    with reaching(url or str(path)):
        client.command(f"CREATE DATABASE IF NOT EXISTS {database}", use_database=False)
    client.database = database
    return client


def open_reader(
    path: Path | None, url: str = "", *, user: str = "default", password: str = "", database: str = DATABASE
) -> Client:
    """A client that only reads, within bounds of time, memory and rows: what `read_only` takes.

    Of an embedded engine it is a second client beside the writer, in the same process. Errors as `open_store`.
    """
    _check_database(database)
    client = _connect(url, user, password, SERVER_READER) if url else _embed(path, EMBEDDED_READER)
    client.database = database
    return client


def _check_database(database: str) -> None:
    if not _NAME.fullmatch(database):
        raise InputError(f"database {database!r}: expected a name of letters, digits and _, such as {DATABASE}")


def _embed(path: Path | None, settings: dict[str, Any]) -> Client:
    if path is None:
        raise InputError("store: expected the folder of an embedded ClickHouse, or the URL of a server")
    try:
        path.mkdir(parents=True, exist_ok=True)
        return clickhouse_connect.get_client(interface="chdb", path=str(path.resolve()), settings=settings)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a writable folder for ClickHouse") from error
    except ProgrammingError as error:
        raise InputError(
            f"{path}: {one_line(error)}; expected a folder for ClickHouse that no other process has open"
        ) from error


def _connect(url: str, user: str, password: str, settings: dict[str, Any]) -> Client:
    parts = urlsplit(url)
    try:
        port = parts.port or (HTTPS_PORT if parts.scheme == "https" else HTTP_PORT)
    except ValueError:
        port = 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port or "@" in parts.netloc:
        raise InputError(f"store url {url!r}: expected http://host:port or https://host:port, without a user in it")
    try:
        with reaching(url):
            return clickhouse_connect.get_client(
                interface=parts.scheme,
                host=parts.hostname,
                port=port,
                username=user,
                password=password,
                settings=settings,
                autogenerate_session_id=False,  # a session would allow one query at a time
                connect_timeout=CONNECT_TIMEOUT_S,
                send_receive_timeout=ANSWER_TIMEOUT_S,
                show_clickhouse_errors="scrub",  # without the address
            )
    except ProgrammingError as error:
        raise InputError(f"{url}: {one_line(error)}; expected a user who may change settings") from error

"""Requests to a running session, as its operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mm_bus.bus import Bus, connected
from mm_core.types import InputError
from mm_service.config import load_config
from mm_session.processes import SERVICES
from mm_session.sessions import Running
from mm_wire.subjects import RECORDER, sql_subject, status_subject

T = TypeVar("T")
STATUS_S = 1.0
SQL_S = 40.0


def with_bus(session: Running, work: Callable[[Bus], Awaitable[T]]) -> T:
    """Do what needs the bus of a running session."""
    login = session.login(load_config(None).bus)

    async def run() -> T:
        async with connected(session.url, "crypto-mm operator", login) as bus:
            return await work(bus)

    return asyncio.run(run())


def services(session: Running) -> dict[str, Any]:
    """A session and the status of each of its services, None of one that does not reply."""
    names = [*SERVICES, RECORDER]

    async def request_all(bus: Bus) -> list[Any]:
        requests = (bus.request(status_subject(session.group, name), timeout_s=STATUS_S) for name in names)
        return await asyncio.gather(*requests)

    return {
        "name": session.name,
        "instrument_id": session.instrument_id,
        "pid": session.pid,
        "folder": session.folder,
        "url": session.url,
        "restarts": session.restarts,
        "services": dict(zip(names, with_bus(session, request_all), strict=True)),
    }


def query_store(session: Running, statement: str, form: str) -> str:
    """The result of a statement in the session's ClickHouse, in a format. InputError for what it refuses."""
    query = {"sql": statement, "format": form}
    answer = with_bus(session, lambda bus: bus.request(sql_subject(session.group), query, timeout_s=SQL_S))
    if answer is None:
        raise InputError("sql: the archiver does not answer; expected a session whose store is open")
    if "error" in answer:
        raise InputError(answer["error"])
    return str(answer["answer"])

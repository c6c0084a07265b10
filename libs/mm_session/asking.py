"""What a running session is asked, as its operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mm_bus.bus import Bus
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
        bus = Bus()
        await bus.connect(session.url, "crypto-mm operator", login)
        try:
            return await work(bus)
        finally:
            await bus.close()

    return asyncio.run(run())


def services(session: Running) -> dict[str, Any]:
    """A session and what its services say of themselves, None of one that does not answer."""
    names = [*SERVICES, RECORDER]

    async def ask(bus: Bus) -> list[Any]:
        asked = (bus.request(status_subject(session.group, name), timeout_s=STATUS_S) for name in names)
        return await asyncio.gather(*asked)

    return {
        "name": session.name,
        "instrument_id": session.instrument_id,
        "pid": session.pid,
        "folder": session.folder,
        "url": session.url,
        "restarts": session.restarts,
        "services": dict(zip(names, with_bus(session, ask), strict=True)),
    }


def ask_store(session: Running, statement: str, form: str) -> str:
    """The answer of the session's ClickHouse in a format of its own. InputError for what it refuses."""
    question = {"sql": statement, "format": form}
    answer = with_bus(session, lambda bus: bus.request(sql_subject(session.group), question, timeout_s=SQL_S))
    if answer is None:
        raise InputError("sql: the archiver does not answer; expected a session whose store is open")
    if "error" in answer:
        raise InputError(answer["error"])
    return str(answer["answer"])

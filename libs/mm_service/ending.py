"""Ends tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 3.0  # longer than a task takes that closes its connections


async def end_tasks(tasks: Iterable["asyncio.Task[Any] | None"]) -> None:
    """Cancel tasks until each of them is done; what they raise stays in them.

    One cancellation may be lost: a library that waits with `asyncio.wait_for` returns its result instead, if that came
    in the same turn of the loop (Python 3.11).
    """
    pending = [task for task in tasks if task is not None and not task.done()]
    while pending:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_S)
        pending = [task for task in pending if not task.done()]

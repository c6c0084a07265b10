"""Tasks that are ended do end, though one cancellation may be lost."""

import asyncio

import pytest

from mm_service import ending


async def follow(event: asyncio.Event, rounds: list[int]) -> None:
    """A loop over what comes, as a library has it that waits with `asyncio.wait_for`."""
    while True:
        await asyncio.wait_for(event.wait(), 10.0)
        event.clear()
        rounds.append(1)


def test_a_task_that_lost_its_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.01)

    async def run() -> tuple[bool, list[int]]:
        event, rounds = asyncio.Event(), list[int]()
        task = asyncio.create_task(follow(event, rounds))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        event.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # what it waits for is there, and it has not seen it yet
        await ending.end_tasks([task, None])
        return task.cancelled(), rounds

    # The round shows that the first cancellation was lost: else this test would show nothing.
    assert asyncio.run(run()) == (True, [1])


def test_what_a_task_raises_stays_in_it() -> None:
    async def fail() -> None:
        try:
            await asyncio.sleep(10.0)
        finally:
            raise ValueError

    async def run() -> BaseException | None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await ending.end_tasks([task])
        return task.exception()

    assert isinstance(asyncio.run(run()), ValueError)

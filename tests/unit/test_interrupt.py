"""The signals that end a command: counted, and given back."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
import uvloop

from mm_session.interrupt import SIGNALS, Interrupts, ending_at_once, interruptible

PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may ignore it: nohup
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    """A signal to ourselves."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_asks_for_the_end_and_the_next_one_is_what_it_was(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interruptible() as interrupted:
        assert not interrupted()
        send(number)
        assert interrupted()
        assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_where_nothing_is_to_be_finished_a_signal_ends_at_once(number: signal.Signals) -> None:
    with ending_at_once(), pytest.raises(KeyboardInterrupt):
        send(number)


def test_a_hangup_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ending_at_once(), interruptible() as interrupted:
        send(signal.SIGHUP)
        assert not interrupted()


def test_a_session_counts_signals_and_gives_their_handlers_back() -> None:
    more: list[int] = []

    async def run() -> None:
        interrupts, again = Interrupts(), asyncio.Event()

        def on_more() -> None:
            more.append(1)
            again.set()

        interrupts.on_more = on_more
        with interrupts.watched():
            async with asyncio.timeout(PATIENCE_S):
                send(signal.SIGTERM)
                await interrupts.once.wait()
                assert not interrupts.twice.is_set()
                send(signal.SIGHUP)
                await interrupts.twice.wait()
                assert more == []
                send(signal.SIGINT)
                await again.wait()

    with ending_at_once():
        handlers = [signal.getsignal(number) for number in SIGNALS]
        uvloop.run(run())
        assert [signal.getsignal(number) for number in SIGNALS] == handlers
    assert more == [1]

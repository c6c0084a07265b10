"""Ctrl-C that ends a long command at its next step, with a summary, instead of in the middle of one."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 130  # as shells have it: 128 + SIGINT
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handlers = dict[signal.Signals, Any]


class Interrupted(Exception):  # noqa: N818  # a user's wish is no error
    """A user requested an end at once. The message is one line; exit code INTERRUPTED."""


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield a function: whether Ctrl-C was pressed, or SIGTERM or SIGHUP came; a second one ends at once."""
    requested = False

    def request(_signal: int, _frame: FrameType | None) -> None:
        nonlocal requested
        requested = True
        restore()

    def restore() -> None:
        _restore(previous)

    previous = {number: signal.signal(number, request) for number in _taken()}
    try:
        yield lambda: requested
    finally:
        restore()


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, by a KeyboardInterrupt."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, end) for number in _taken()}
    try:
        yield
    finally:
        _restore(previous)


def _taken() -> list[signal.Signals]:
    """The signals that end: not a hangup that is ignored, as under `nohup`."""
    return [number for number in SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


def _restore(handlers: Handlers) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Interrupts:
    """How often a user has interrupted a session: `once` with its log closed and a summary, `twice` at once.

    `on_more` is called at a third time, and at the second one if the session is ending already.
    """

    def __init__(self) -> None:
        self.once = asyncio.Event()
        self.twice = asyncio.Event()
        self.requested_s = 0.0  # when first, by the loop's clock
        self.is_ending = False
        self.on_more: Callable[[], object] = lambda: None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count signals while the block runs, in the loop that runs."""
        loop = asyncio.get_running_loop()
        previous = {number: signal.getsignal(number) for number in _taken()}
        for number in previous:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in previous:
                loop.remove_signal_handler(number)
            _restore(previous)  # the loop knows the default only

    def _on_signal(self) -> None:
        if self.twice.is_set() or (self.once.is_set() and self.is_ending):
            self.on_more()
        if self.once.is_set():
            self.twice.set()
            return
        self.requested_s = asyncio.get_running_loop().time()
        self.once.set()

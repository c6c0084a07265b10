"""The order events and Books of a log as the rows that the compiled loop records, so that all that follows is one."""

from typing import Any

import numpy as np

from mm_core import events as e
from mm_core.accounting.account import ACCOUNT
from mm_core.accounting.node import on_fill, on_mid
from mm_core.compiled import new
from mm_core.events.records import KINDS, MESSAGE, Row, to_row
from mm_core.types import BookState
from mm_research.engine.state import SAMPLE


class LogRows:
    """Takes every event of a log in its order. `account`: an array of one ACCOUNT, up to date."""

    def __init__(self) -> None:
        self.account = new(ACCOUNT)
        self._messages: list[Row] = []
        self._samples: list[tuple[Any, ...]] = []

    def take(self, event: e.Event) -> None:
        """Take the next event."""
        if isinstance(event, e.Book):
            self._sample(event)
        elif type(event) in KINDS:
            self._messages.append(to_row(event))  # type: ignore[arg-type]
            if isinstance(event, e.OrderFilled):
                money = event.fee_e9, event.mid_half_ticks
                on_fill(self.account, int(event.side), event.price_ticks, event.qty_lots, *money)

    @property
    def count(self) -> int:
        """How many rows there are of both kinds."""
        return len(self._messages) + len(self._samples)

    def rows(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The order messages (MESSAGE), and touch and account at every Book (SAMPLE)."""
        return np.array(self._messages, MESSAGE), np.array(self._samples, SAMPLE)

    def drain(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the rows and drop them."""
        drained = self.rows()
        self._messages.clear()
        self._samples.clear()
        return drained

    def _sample(self, book: e.Book) -> None:
        if book.state == BookState.VALID and book.bid_lots and book.ask_lots:
            on_mid(self.account, book.bid_ticks + book.ask_ticks)
        account = dict(zip(ACCOUNT.names or (), self.account[0].item(), strict=True))
        names = SAMPLE.names or ()
        self._samples.append(tuple(account[name] if name in account else getattr(book, name) for name in names))

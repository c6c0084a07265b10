"""Recompute a session from its raw frames: `python -m tests.recompute.run <session folder> <frame file>...`.

Nothing here is the product's but the reader of its log, which gives what was decided (submits and cancels, at their
roots) and what the results are compared with. Exit 1 if anything differs.
"""

import argparse
import json
import sys
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from tests.recompute.account import Account, captured_pct
from tests.recompute.checks import violations
from tests.recompute.feed import Clock, Feed, Root
from tests.recompute.frames import Grid, read_facts
from tests.recompute.queue import share_of
from tests.recompute.session_log import Group, content_of, groups
from tests.recompute.table import Table
from tests.recompute.venue import Answer, Request, Terms, Venue
from tests.recompute.view import View

from mm_store.log_read import read_log

GRID_ONLY = {"type", "ts_ns", "instrument_id", "venue_symbol", "tick_size", "lot_size", "base", "quote", "status"}


class Given(NamedTuple):
    """The terms of a session, from its manifest."""

    config: dict[str, Any]
    grid: Grid
    symbol: str
    terms: Terms


def given(folder: Path) -> Given:
    """What the session ran with. AssertionError for what is not recomputed: filters of the venue."""
    manifest = json.loads((folder / "manifest.json").read_text())
    instrument, exchange = manifest["instrument"], manifest["config"]["exchange"]
    assert set(instrument) <= GRID_ONLY, "an instrument with filters"
    grid = Grid(instrument["tick_size"], instrument["lot_size"])
    terms = Terms(
        entry_ns=_ns(exchange["entry_ms"]),
        cancel_ns=_ns(exchange["entry_ms"] if exchange["cancel_ms"] is None else exchange["cancel_ms"]),
        response_ns=_ns(exchange["response_ms"]),
        share=share_of(exchange["queue"], float(grid.lot)),
        is_partial=exchange["partial_fills"],
        has_top=exchange["venue_top"],
        maker_ppb=int(Fraction(exchange["maker_fee"]) * 10**9),
        taker_ppb=int(Fraction(exchange["taker_fee"]) * 10**9),
        value_e9=Fraction(grid.tick) * Fraction(grid.lot) * 10**9,
    )
    return Given(manifest["config"], grid, instrument["venue_symbol"], terms)


def _ns(millis: str) -> int:
    return int(Fraction(millis) * 10**6)


class Recomputation:
    """One session again, root by root beside its log."""

    def __init__(self, folder: Path, table: Table) -> None:
        self._given = given(folder)
        self._table = table
        book = self._given.config["book"]
        self._venue = Venue(self._given.terms)
        self._view = View(book["decide_on"], book["stale_ms"] * 10**6)
        self._account = Account(self._given.terms.value_e9)
        self._groups = groups(read_log(folder))
        self._root_seq = self._orders = 0
        self._quoted_half: dict[int, int] = {}  # of each order, from the mid that it was decided on
        self._answers: list[Answer] = []
        self._sent_ns: dict[int, int] = {}
        self._summary = json.loads((folder / "summary.json").read_text())

    def run(self, files: list[Path], duration_ns: int = 0) -> None:
        """All of it, up to the first root that is another one."""
        times = self._given.config["clock"]
        feed, clock = Feed(), Clock(times["tick_period_ms"] * 10**6, times["offset_ns"])
        for fact in read_facts(files, self._given.grid, self._given.symbol, duration_ns):
            for root in feed.take(fact):
                for stamped in clock.stamp(root):
                    if not self._step(stamped):
                        return
        if self._step(clock.tick()):
            self._table.compare("roots", "no more", next(self._groups, "no more"))
            self._end()

    def _step(self, root: Root) -> bool:
        """One root, and what the log has behind it; False if the log has another root."""
        self._root_seq += 1
        group = next(self._groups, None)
        ours = root.kind, root.ts_ns, root.recv_ns, root.local_ns, self._root_seq, content_of(root)
        if not self._table.compare("roots", ours, group.root if group else None) or group is None:
            return False
        answers = self._venue.on_root(root)
        self._compare("answers of the venue", answers, group.answers, root)
        self._answers += answers
        account_states = [self._account.fill(each) for each in answers if each.kind == "OrderFilled"]
        self._compare("account after a fill", account_states, group.account_states, root)
        books = self._view.on_root(root)
        self._compare("books", books, group.books, root)
        for book in books:
            self._account.mark(book.mid_half())
        self._send(group, root)
        return True

    def _send(self, group: Group, root: Root) -> None:
        for local_ns, request in group.requests:
            self._table.compare("times of requests", root.local_ns, local_ns)
            self._venue.send(request, root.local_ns)
            if not request.is_cancel:
                self._orders += 1
                self._sent_ns[request.order_id] = root.local_ns
                self._quoted_half[request.order_id] = self._quoted(request)

    def _quoted(self, request: Request) -> int:
        away = self._account.mid_half - 2 * request.price_ticks
        return -away if request.side else away

    def _compare(self, name: str, ours: list[Any], theirs: list[Any], root: Root) -> None:
        for one, other in zip_longest(ours, theirs):
            self._table.compare(name, one, other, f"root {self._root_seq} at {root.local_ns}: ")

    def _end(self) -> None:
        fills = [each for each in self._answers if each.kind == "OrderFilled"]
        venue = self._venue
        captured = captured_pct(fills, self._quoted_half, venue.mid_times, venue.mids, venue.market_ns)
        position = float(self._account.position_lots * self._given.grid.lot)
        figures = {
            "orders": self._orders,
            "fills": len(fills),
            "position": position,
            **{f"pnl {name}": value for name, value in self._account.result().items()},
            **{f"captured after {name}": value for name, value in captured.items()},
        }
        summary = self._summary
        theirs = {name: summary[name] for name in ("orders", "fills", "position")}
        theirs |= {f"pnl {name}": value for name, value in summary["pnl"].items()}
        theirs |= {f"captured after {name}": value for name, value in summary["spread_captured_pct"].items()}
        for name in figures | theirs:
            self._table.compare(name, figures.get(name, "not there"), theirs.get(name, "not there"))
        terms = self._given.terms
        for name, found in violations(self._answers, self._sent_ns, terms, self._venue.tops).items():
            self._table.count(name, found)


def recompute(folder: Path, files: list[Path], duration_ns: int = 0) -> Table:
    """What was compared."""
    table = Table()
    Recomputation(folder, table).run(files, duration_ns)
    return table


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.recompute.run", description=__doc__)
    parser.add_argument("session", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--duration", type=int, default=0, help="seconds of receive time; as the session's")
    arguments = parser.parse_args()
    table = recompute(arguments.session, arguments.files, arguments.duration * 10**9)
    sys.stdout.write(table.text())
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

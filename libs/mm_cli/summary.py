"""The text of a run's summary, from the object that `--json` prints: what went wrong and why stands first."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

from mm_core.types import NS_PER_S

Rows = list[tuple[str, str]]
# Counts of the feed for what was wrong with the market data, as text.
FAULTS = {
    "gaps": "gaps",
    "disconnects": "lost connections",
    "crossed": "crossed books",
    "contradictions": "touches that were not the venue's",
    "stalls": "stalled depth streams",
    "id_restarts": "update ids that began again",
    "trade_id_restarts": "trade ids that began again",
    "times_bounded": "times out of bounds",
    "depth_late": "late depth events",
    "trades_repeated": "repeated trades",
}


def as_text(rows: Sequence[tuple[str, str]]) -> str:
    """Name and text, a line each."""
    return "\n".join(f"{name:11} {text}" for name, text in rows)


def print_notes(notes: Sequence[str]) -> None:
    """What is to be known before a run, on stderr."""
    for note in notes:
        typer.echo(f"note: {note}", err=True)


def size_notes(tick: str, lot: str, exchange_info: object) -> list[str]:
    """Which definition of a size wins, where two are given."""
    given = {"tick": tick, "lot": lot}
    return [
        f"--{name} {size} wins over the {name} size of --exchange-info {exchange_info}"
        for name, size in given.items()
        if size and exchange_info is not None
    ]


def share_text(part: float | None) -> str:
    """A share of the time: 93 %, 0.4 %; - where there was none."""
    if part is None:
        return "-"
    return f"{100 * part:.0f} %" if part == 0 or part >= 0.1 else f"{100 * part:.2g} %"


def activity_rows(summary: Mapping[str, Any]) -> Rows:
    """What the book was, how much was quoted, why not more, and what was refused."""
    book, trading, quoted = summary["book"], summary["trading"], summary["quoted_share"]
    reason = f" ({book['reason']})" if book["reason"] else ""
    sides = ", ".join(f"{name} {share_text(quoted[name])}" for name in ("bid", "ask", "both"))
    return [
        ("book", f"{book['state']}{reason} at the end; VALID {share_text(book['valid_share'])} of the time"),
        ("quoted", f"{share_text(quoted['either'])} of the time: {sides}"),
        *(("why", line) for line in summary["why"]),
        ("trading", _trading(trading)),
        *_counted("denied", summary["denied"]),
        *_counted("rejected", summary["rejected"]),
        *feed_rows(summary.get("feed", {})),
        *left_out_rows(summary.get("left_out", {})),
        ("fees", summary["fees"]),
        ("limits", _limits(summary["limits"], summary["units"])),
    ]


def result_rows(summary: Mapping[str, Any]) -> Rows:
    """Orders, position and result with their units."""
    pnl, base, quote = summary["pnl"], summary["units"]["base"], summary["units"]["quote"]
    return [
        ("fill model", summary["fill_model"]),
        ("orders", f"{summary['orders']:,}, fills {summary['fills']:,}, position {summary['position']:,} {base}"),
        ("ratios", _ratios(summary["ratios"])),
        ("result", f"{pnl['total']:,} {quote} after fees of {pnl['fees']:,} {quote}"),
        ("drawdown", f"{summary['drawdown_max']:,} {quote} at most"),
        ("  is", f"realised {pnl['realised']:,} + unrealised {pnl['unrealised']:,} - fees"),
        ("  is", f"spread {pnl['spread']:,} + inventory {pnl['inventory']:,} - fees"),
        ("captured", _captured(summary["spread_captured_pct"])),
        *summary["digests"].items(),
    ]


def left_out_rows(left_out: Mapping[str, Any]) -> Rows:
    """What --salvage left out, a line for each kind."""
    return [
        ("left out", f"{each['count']:,} line{'s'[: each['count'] > 1]}: {kind}; first {each['first']}")
        for kind, each in left_out.items()
    ]


def counts_text(counts: Mapping[str, int]) -> str:
    """Counts by name, the largest first; - without any."""
    largest = sorted(((name, count) for name, count in counts.items() if count), key=lambda each: -each[1])
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in largest) or "-"


def status_rows(services: Mapping[str, Mapping[str, Any] | None]) -> Rows:
    """The state of a running session, from what its services report; a service that is away reports nothing."""
    state: dict[str, Any] = {}
    for status in services.values():
        state |= status or {}
    rows: Rows = []
    for name in ("book", "trading"):
        if name in state:
            reason = f" ({state[name]['reason'].replace('_', ' ')})" if state[name]["reason"] else ""
            rows.append((name, f"{state[name]['state']}{reason}{_resumes(state[name].get('resumes_ns', 0))}"))
    if "resting" in state:
        rows.append(("quotes", f"bid {state['resting']['bid']}, ask {state['resting']['ask']} orders; {state['mode']}"))
    rows += [(name, counts_text(state[name])) for name in ("denied", "rejected") if name in state]
    return rows + feed_rows(state.get("feed", {}))


def _resumes(time_ns: int) -> str:
    """When a halt ends by itself; nothing for 0."""
    if not time_ns:
        return ""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime(", resumes at %Y-%m-%d %H:%M:%SZ")


def feed_rows(feed: Mapping[str, Any]) -> Rows:
    """What was wrong with the market data, and why diffs were dropped."""
    faults = {text: feed[name] for name, text in FAULTS.items() if name in feed}
    return _counted("feed", faults) + _counted("dropped", feed.get("dropped", {}))


def _counted(name: str, counts: Mapping[str, int]) -> Rows:
    return [(name, counts_text(counts))] if any(counts.values()) else []


def _trading(trading: Mapping[str, Any]) -> str:
    reason = f" ({trading['reason'].replace('_', ' ')})" if trading["reason"] else ""
    halts = trading["halts"]
    halted = f"; halted {share_text(trading['halted_share'])} of the time, first at {halts[0]['time']}" if halts else ""
    resumes = f", resumes at {halts[-1]['resumes']}" if halts and halts[-1]["resumes"] else ""
    return f"{trading['state']}{reason} at the end{halted}{resumes}"


def _ratios(ratios: Mapping[str, float | None]) -> str:
    """What of the orders was filled and canceled, and how many messages an order filled took."""
    orders, qty, cancels = (share_text(ratios[name]) for name in ("fill_orders", "fill_qty", "cancel"))
    messages = ratios["order_to_trade"]
    trades = "-" if messages is None else f"{messages:,.1f}"
    return f"filled {orders} of orders, {qty} of quantity; canceled {cancels}; order-to-trade {trades}"


def _captured(pct: Mapping[str, float | None]) -> str:
    """How much of the quoted half-spread was earned; - without fills that show it."""
    at_fill, after = (f"{pct[horizon]:,.0f} %" if pct[horizon] is not None else "-" for horizon in ("0s", "1s"))
    return f"{at_fill} of the quoted half-spread at the fill, {after} after 1 s"


def _limits(limits: Mapping[str, float | None], units: Mapping[str, str]) -> str:
    texts = {
        "order_max_base": ("order", units["base"]),
        "position_max_base": ("position", units["base"]),
        "collar_bps": ("collar", "bps"),
        "loss_session_max_quote": ("loss of the session", units["quote"]),
        "loss_day_max_quote": ("of the day", units["quote"]),
    }
    given = [f"{name} {limits[key]:,.8g} {unit}" for key, (name, unit) in texts.items() if limits[key] is not None]
    return ", ".join(given) or "none"

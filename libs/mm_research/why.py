"""Why nothing, or little, was quoted: one line for each cause, the heaviest kinds first."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from mm_core.events import Book, InstrumentDefined, TradingState
from mm_core.quoting import avellaneda_stoikov
from mm_core.setup.config import Config
from mm_core.types import MONEY_E9, BookState, TradeState
from mm_research.activity import BOOK_REASONS, RISK_REASONS, Activity, Halt, utc_text

LITTLE = 0.5  # share of time quoted, on each side
SHARE_MIN = 0.01  # of the time: less is no reason
REFUSED_MIN = 0.1  # of the intended orders, where much was quoted
# What a refusal means, by the name of its reason.
DENIALS = {
    "price_collar": "half-spread beyond the collar ([risk] collar_bps)",
    "order_lots": "order larger than [risk] order_max_base",
    "order_value": "order worth more than [risk] order_value_max_quote",
    "position": "position at its limit ([risk] position_max_base)",
    "notional": "position worth more than [risk] notional_max_quote",
    "order_rate": "more orders than [risk] orders_per_window_max",
    "spot_balance": "balance too small ([risk] base_balance, quote_balance)",
    "too_many_orders": "more open orders than the gate can hold",
    "below_minimum": "orders below the smallest that the venue takes",
    "min_notional": "orders below the venue's minimum notional",
    "venue_qty_max": "orders larger than the venue takes",
    "venue_notional_max": "orders worth more than the venue takes",
    "price_deviation": "price further from the market than the venue takes",
    "price_bounds": "price outside of the venue's bounds",
    "venue_orders": "more open orders than the venue takes",
    "book_not_valid": "the book was no longer VALID",
    "book_empty": "one side of the book was empty",
    "reducing": "trading only reduces the position",
}
HALTS = {
    "loss_session": "loss of the session",
    "loss_day": "loss of the day",
    "fill_rate": "as many orders filled in one window as [risk] fills_per_window_max",
    "operator": "the operator's command",
}
SILENT = ("halted",)  # it has a line of its own
WARM_HALF_LIVES = 1.7  # from nothing to the weight of one: log2(1 / (1 - ln 2))


def needs_volatility(config: Config) -> bool:
    """Whether the strategy quotes with the book's own volatility, or not at all."""
    return config.quoter.strategy == avellaneda_stoikov.NAME and not config.avellaneda_stoikov.volatility_ticks_sqrt_s


def why_not_now(
    book: Book | None, trading: TradingState | None, denied: Mapping[str, str], *, is_cold: bool
) -> tuple[str, ...]:
    """Why the sides that do not quote at this moment do not; `denied` is the last reason of a side without an order."""
    lines = []
    if trading is not None and trading.state == TradeState.HALTED:
        until = f"; resumes at {utc_text(trading.resumes_ns)}" if trading.resumes_ns else ""
        lines.append(f"halted: {HALTS.get(name := RISK_REASONS[trading.reason], name)}{until}")
    if book is None or book.state != BookState.VALID:
        lines.append(f"book {book_text(book)}")
    elif is_cold:
        lines.append("volatility not warm yet")
    lines += [f"{side} denied: {DENIALS.get(reason, reason.replace('_', ' '))}" for side, reason in denied.items()]
    return tuple(lines)


def book_text(book: Book | None) -> str:
    """State of a book, with the reason where it is worse than its feed."""
    if book is None:
        return BookState.SYNCING.name
    reason = BOOK_REASONS.get(book.reason, "")
    return f"{book.state.name} ({reason})" if reason else book.state.name


def why_little(instrument: InstrumentDefined, config: Config, found: Activity, intents: int) -> list[str]:
    """The causes; empty for a run that quoted as configured. `intents`: how many orders the quoter intended."""
    lines = [
        *_book(found),
        *_volatility(config, found),
        *_halts(found),
        *_refusals(instrument, found, intents),
    ]
    return lines or _nothing(found, intents)


def percent(part: float) -> str:
    """A share of the time for people: 93 %, 0.4 %."""
    return f"{100 * part:.0f} %" if part == 0 or part >= 0.1 else f"{100 * part:.2g} %"


def _book(found: Activity) -> Iterator[str]:
    missing = sum(found.book_shares.values())
    if missing >= SHARE_MIN:
        parts = sorted(found.book_shares.items(), key=lambda each: -each[1])
        names = ", ".join(f"{name} {percent(part)}" for name, part in parts)
        yield f"no VALID book for {percent(missing)} of the time: {names}"


def _volatility(config: Config, found: Activity) -> Iterator[str]:
    if not needs_volatility(config) or (found.cold_share or 0.0) < SHARE_MIN:
        return
    if found.warm_ns is None:
        seconds = WARM_HALF_LIVES * config.signals.volatility_half_life_s
        yield f"volatility was never warm: it needs {seconds:g} s of a VALID book ([signals] volatility_half_life_s)"
        return
    part = found.cold_again_share or 0.0
    again = f", and again for {percent(part)} of the time" if part >= SHARE_MIN else ""
    yield f"volatility not warm until {utc_text(found.warm_ns)}{again}"


def _halts(found: Activity) -> Iterator[str]:
    for halt in found.halts[:3]:
        yield f"halted at {utc_text(halt.time_ns)}: {HALTS.get(halt.reason, halt.reason)}{_until(halt)}"
    if len(found.halts) > 3:
        yield f"halted {len(found.halts) - 3:,} more times"


def _until(halt: Halt) -> str:
    """How a halt ended, or when it will; nothing for one that waits for the operator."""
    if halt.resumed_ns is not None:
        return f"; resumed at {utc_text(halt.resumed_ns)}"
    return f"; resumes at {utc_text(halt.resumes_ns)}" if halt.resumes_ns is not None else ""


def _refusals(instrument: InstrumentDefined, found: Activity, intents: int) -> Iterator[str]:
    is_little = min(found.quoted["bid"] or 0.0, found.quoted["ask"] or 0.0) < LITTLE
    least = 1 if is_little else REFUSED_MIN * intents  # the quoter asks once for what is refused
    for reason, count in sorted(found.denied.items(), key=lambda each: -each[1]):
        if reason not in SILENT and count >= least:
            text = DENIALS.get(reason, reason.replace("_", " ")) + _bound(reason, instrument)
            yield f"{text}: {count:,} of {intents:,} orders denied"
    for reason, count in sorted(found.rejected.items(), key=lambda each: -each[1]):
        if count >= REFUSED_MIN * intents:
            yield f"rejected by the venue, {reason.replace('_', ' ')}: {count:,} of {intents:,} orders"


def _bound(reason: str, instrument: InstrumentDefined) -> str:
    """The bound of a refusal, where it is the venue's."""
    if reason != "min_notional" or not instrument.notional_e9_min:
        return ""
    least = (Decimal(instrument.notional_e9_min) / MONEY_E9).normalize()
    return f" {least:f} {instrument.quote or 'quote'}"


def _nothing(found: Activity, intents: int) -> list[str]:
    """The cause where a run quoted nothing although nothing was refused."""
    if found.quoted["either"]:
        return []
    if not intents:
        return ["the strategy intended no order"]
    return ["no order came to rest before the end: see [exchange] entry_ms"]

"""What a run did with its time, and why it quoted little: shares, halts, refusals, causes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mm_core.events import InstrumentDefined
from mm_core.events.records import MESSAGE
from mm_core.exchange.venue import Reject
from mm_core.messages import ACCEPTED, CANCELED, DENIED, FILLED, INTENT, REJECTED, TRADING_STATE
from mm_core.risk.reason import Reason
from mm_core.setup.config import Config, to_config
from mm_core.types import NS_PER_S, BookReason, BookState, TradeState
from mm_research.activity import Activity, Halt, activity
from mm_research.engine.state import SAMPLE
from mm_research.recording import Recording
from mm_research.report import fee_text, limits, report
from mm_research.why import why_little

T0 = 1_700_000_000 * NS_PER_S  # 2023-11-14 22:13:20
INSTRUMENT = InstrumentDefined(
    instrument_id="binance.ETHUSDT",
    ts_ns=0,
    venue_symbol="ETHUSDT",
    tick_size="0.1",
    lot_size="0.001",
    base="ETH",
    quote="USDT",
)
Message = tuple[int, float, dict[str, int]]


def message(kind: Any, second: float, **fields: int) -> Message:
    """A message of that second; an order's own id, side and reason are fields."""
    return int(kind), second, fields


def recording(
    messages: list[Message], states: Sequence[int] | None = None, sigma: list[float] | None = None
) -> Recording:
    """A run of a decision a second, from 0 to 10 s, with these book states and volatilities."""
    samples = np.zeros(11, SAMPLE)
    samples["local_ns"] = T0 + np.arange(11) * NS_PER_S
    samples["state"] = [BookState.VALID] * 11 if states is None else states
    samples["volatility_ticks_sqrt_s"] = [1.0] * 11 if sigma is None else sigma
    for side, ticks in (("bid", 100), ("ask", 102)):
        samples[f"{side}_ticks"], samples[f"{side}_lots"] = ticks, 5
    rows = np.zeros(len(messages), MESSAGE)
    for i, (kind, second, fields) in enumerate(messages):
        rows["kind"][i], rows["ts_ns"][i] = kind, T0 + int(second * NS_PER_S)
        for name, value in fields.items():
            rows[name][i] = value
    return Recording(INSTRUMENT, rows, samples)


def found(messages: list[Message], **more: Any) -> Activity:
    """The activity of such a run."""
    return activity(recording(messages, **more))


def why(messages: list[Message], sections: dict[str, Any] | None = None, **more: Any) -> list[str]:
    """The causes of such a run."""
    run = recording(messages, **more)
    config: Config = to_config(sections or {})
    found = activity(run, int(config.risk.rate_halt_s) * NS_PER_S)
    return why_little(INSTRUMENT, config, found, run.intent_count)


def halt(second: float, reason: Reason = Reason.LOSS_SESSION) -> Message:
    return message(TRADING_STATE, second, state=int(TradeState.HALTED), reason=int(reason))


QUOTED = [
    message(ACCEPTED, 1, order_id=1),  # a bid from 1 to 3
    message(ACCEPTED, 2, order_id=2),  # another from 2 to 4
    message(CANCELED, 3, order_id=1, leaves_lots=10),
    message(ACCEPTED, 3, order_id=3, side=1),  # an ask from 3 on
    message(FILLED, 3.5, order_id=2, leaves_lots=1),
    message(CANCELED, 4, order_id=2, leaves_lots=1),
]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], (0.0, 0.0, 0.0, 0.0)),
        (QUOTED, (0.9, 0.3, 0.7, 0.1)),
        ([message(ACCEPTED, -5, order_id=1)], (1.0, 1.0, 0.0, 0.0)),
        ([message(ACCEPTED, 1, order_id=1), message(CANCELED, 99, order_id=1)], (0.9, 0.9, 0.0, 0.0)),
    ],
    ids=["nothing", "overlapping orders", "from before the first decision", "to behind the last one"],
)
def test_the_share_of_time_quoted_counts_every_moment_once(
    messages: list[Message], expected: tuple[float, float, float, float]
) -> None:
    # The fill of one lot leaves the account unmarked: only its times count here.
    messages = [each for each in messages if each[0] != FILLED]
    assert tuple(found(messages).quoted.values()) == pytest.approx(expected)


def test_an_order_that_is_filled_rests_no_longer() -> None:
    messages = [message(ACCEPTED, 1, order_id=1), message(FILLED, 3, order_id=1)]
    assert found(messages).quoted["bid"] == pytest.approx(0.2)


def test_the_book_is_weighed_by_time_and_named_by_state() -> None:
    states = [BookState.SYNCING] * 2 + [BookState.VALID] * 5 + [BookState.STALE] * 3 + [BookState.GAP]
    seen = found([], states=states)
    assert (seen.book_state, seen.valid_share) == ("GAP", 0.5)
    assert seen.book_shares == {"SYNCING": 0.2, "STALE": 0.3}


def test_a_book_worse_than_its_feed_is_named_with_the_reason() -> None:
    run = recording([], states=[BookState.VALID] * 5 + [BookState.STALE] * 6)
    run.samples["reason"][5:] = BookReason.SILENT
    seen = activity(run)
    assert (seen.book_state, seen.book_reason, seen.book_shares) == ("STALE", "silent", {"STALE (silent)": 0.5})


def test_halts_are_named_with_their_time_and_share() -> None:
    resumed = message(TRADING_STATE, 6, state=int(TradeState.ACTIVE), reason=int(Reason.OPERATOR))
    seen = found([halt(2), resumed, halt(9, Reason.FILL_RATE)])
    assert (seen.trading_state, seen.trading_reason) == ("HALTED", "fill_rate")
    assert seen.halts == [
        Halt(time_ns=T0 + 2 * NS_PER_S, reason="loss_session", resumed_ns=T0 + 6 * NS_PER_S),
        Halt(time_ns=T0 + 9 * NS_PER_S, reason="fill_rate"),
    ]
    assert seen.halted_share == pytest.approx(0.5)
    assert seen.to_json()["trading"]["halts"][0] == {
        "reason": "loss_session",
        "time": "2023-11-14 22:13:22Z",
        "resumed": "2023-11-14 22:13:26Z",
        "resumes": None,
    }


COOLED = message(TRADING_STATE, 8, state=int(TradeState.ACTIVE), reason=int(Reason.COOLED_DOWN))


@pytest.mark.parametrize(
    ("messages", "rate_halt_s", "expected"),
    [
        ([halt(2, Reason.FILL_RATE), COOLED], 6, [(2, 8, None)]),
        ([halt(2, Reason.FILL_RATE)], 60, [(2, None, 62)]),
        ([halt(2, Reason.FILL_RATE)], 0, [(2, None, None)]),
        ([halt(2, Reason.FILL_RATE), halt(3), COOLED], 6, [(2, 8, None), (3, 8, None)]),
        ([halt(2, Reason.FILL_RATE), halt(3)], 6, [(2, None, None), (3, None, None)]),
        ([halt(2), COOLED, halt(9, Reason.FILL_RATE)], 6, [(2, 8, None), (9, None, 15)]),
    ],
    ids=["over", "still cooling down", "no time", "then a loss", "a loss waits", "two"],
)
def test_a_halt_has_the_time_when_it_ended_or_will(
    messages: list[Message], rate_halt_s: int, expected: list[tuple[int, int | None, int | None]]
) -> None:
    halts = activity(recording(messages), rate_halt_s * NS_PER_S).halts
    times = [(each.time_ns, each.resumed_ns, each.resumes_ns) for each in halts]
    assert times == [tuple(each if each is None else T0 + each * NS_PER_S for each in row) for row in expected]


def test_refusals_are_counted_by_reason() -> None:
    denials = [message(DENIED, 1, reason=int(reason)) for reason in (Reason.POSITION, Reason.POSITION, Reason.HALTED)]
    seen = found([*denials, message(REJECTED, 1, reason=int(Reject.WOULD_TAKE))])
    assert (seen.denied, seen.rejected) == ({"position": 2, "halted": 1}, {"would_take": 1})


def test_a_run_without_time_has_no_shares() -> None:
    run = Recording(INSTRUMENT, np.zeros(0, MESSAGE), np.zeros(0, SAMPLE))
    seen = activity(run)
    assert (seen.valid_share, seen.halted_share, seen.quoted["either"]) == (None, None, None)
    assert why_little(INSTRUMENT, Config(), seen, 0) == ["the strategy intended no order"]


INTENTS = [message(INTENT, 1, order_id=n) for n in range(10)]
BOTH = [message(ACCEPTED, 0, order_id=1), message(ACCEPTED, 0, order_id=2, side=1)]
OFTEN = "as many orders filled in one window as [risk] fills_per_window_max"
COLD = [float("nan")] * 4 + [1.0] * 7


@pytest.mark.parametrize(
    ("messages", "sections", "more", "expected"),
    [
        ([*INTENTS, *BOTH], {}, {}, []),
        ([], {}, {}, ["the strategy intended no order"]),
        (INTENTS, {}, {}, ["no order came to rest before the end: see [exchange] entry_ms"]),
        (
            BOTH,
            {},
            {"states": [BookState.GAP] * 9 + [BookState.VALID] * 2},
            ["no VALID book for 90 % of the time: GAP 90 %"],
        ),
        (
            BOTH,
            {"quoter": {"strategy": "avellaneda_stoikov"}},
            {"sigma": COLD},
            ["volatility not warm until 2023-11-14 22:13:24Z"],
        ),
        (
            BOTH,
            {"quoter": {"strategy": "avellaneda_stoikov"}},
            {"sigma": [*COLD[:9], float("nan"), 1.0]},
            ["volatility not warm until 2023-11-14 22:13:24Z, and again for 10 % of the time"],
        ),
        (
            [],
            {"quoter": {"strategy": "avellaneda_stoikov"}},
            {"sigma": [float("nan")] * 11},
            ["volatility was never warm: it needs 51 s of a VALID book ([signals] volatility_half_life_s)"],
        ),
        (BOTH, {}, {"sigma": COLD}, []),  # a fixed spread needs no volatility
        ([*BOTH, halt(2)], {}, {}, ["halted at 2023-11-14 22:13:22Z: loss of the session"]),
        (
            [*BOTH, halt(2, Reason.FILL_RATE), COOLED, halt(9, Reason.FILL_RATE)],
            {},
            {},
            [
                f"halted at 2023-11-14 22:13:22Z: {OFTEN}; resumed at 2023-11-14 22:13:28Z",
                f"halted at 2023-11-14 22:13:29Z: {OFTEN}; resumes at 2023-11-14 22:14:29Z",
            ],
        ),
        (
            [*INTENTS, *(message(DENIED, 1, reason=int(Reason.PRICE_COLLAR)) for _ in range(5))],
            {},
            {},
            ["half-spread beyond the collar ([risk] collar_bps): 5 of 10 orders denied"],
        ),
        (
            [*INTENTS, message(REJECTED, 1, reason=int(Reject.WOULD_TAKE))],
            {},
            {},
            ["rejected by the venue, would take: 1 of 10 orders"],
        ),
        ([*INTENTS, *INTENTS, *BOTH, message(DENIED, 1, reason=int(Reason.POSITION))], {}, {}, []),
    ],
)
def test_little_has_its_causes(
    messages: list[Message], sections: dict[str, Any], more: dict[str, Any], expected: list[str]
) -> None:
    assert why(messages, sections, **more) == expected


@pytest.mark.parametrize(
    ("maker", "taker", "expected"),
    [
        ("0.001", "0.001", "maker 0.1 %, taker 0.1 %: the venue's regular fees"),
        ("0", "0.001", "maker 0 %, taker 0.1 %: maker fee 0 % is not the venue's regular 0.1 %"),
        ("0", "0", "maker 0 %, taker 0 %: maker and taker fee 0 % is not the venue's regular 0.1 %"),
        ("0.0002", "0.0005", "maker 0.02 %, taker 0.05 %: given; the venue's regular fees are 0.1 %"),
    ],
)
def test_fees_that_flatter_are_named(maker: str, taker: str, expected: str) -> None:
    assert fee_text(to_config({"exchange": {"maker_fee": maker, "taker_fee": taker}})) == expected


def test_the_loss_by_default_is_that_of_the_gate() -> None:
    # 1,200 lots of 0.001 at a mid of 10.1: 12.12 USDT, of which 2 %.
    assert limits(INSTRUMENT, Config(), 202) == {
        "order_max_base": 0.1,
        "position_max_base": 1.2,
        "collar_bps": 500.0,
        "loss_session_max_quote": pytest.approx(0.2424),
        "loss_day_max_quote": None,
    }


def test_a_report_names_its_units_and_notes() -> None:
    summary = report(recording(BOTH), Config())
    assert summary["units"] == {"base": "ETH", "quote": "USDT"}
    assert summary["notes"][0].startswith("limits by default")
    assert (summary["trading"]["state"], summary["quoted_share"]["both"]) == ("ACTIVE", 1.0)

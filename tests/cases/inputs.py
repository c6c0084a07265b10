"""One small recording for each kind of fault that users of such systems report, and what is right there."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cases.lines import Lines

QUOTES = ("quoter.strategy=fixed_spread", "fixed_spread.half_spread_ticks=1", "risk.default_limits=false")
NO_FEES = ("exchange.maker_fee=0", "exchange.taker_fee=0")


class Case(NamedTuple):
    """A recording, how it is run, and what is right; `check` of it is in test_cases.py, by its name."""

    name: str
    right: str
    settings: Sequence[str]
    options: Sequence[str] = ("--tick", "0.1", "--lot", "0.001")
    symbol: str = "BTCUSDT"
    exit_code: int = 0


def _settings(*more: str) -> list[str]:
    return [*QUOTES, *NO_FEES, *more]


CASES = [
    Case(
        "stale",
        "STALE 5 s after the last depth event, whatever trades: nothing fills later",
        _settings("book.stale_ms=5000", "quoter.order_qty_base=0.01", "quoter.levels=3", "quoter.level_step_ticks=20"),
    ),
    Case(
        "crossed", "GAP at the crossing diff, VALID again by the next snapshot", _settings("quoter.order_qty_base=0.01")
    ),
    Case(
        "late_trade",
        "a lower trade id behind a higher one is kept and counted late, not repeated",
        _settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "ids_restart",
        "ids begin again without a word: a new epoch, VALID by its snapshot, nothing dropped",
        _settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "ids_restart_disconnected",
        "the same with a lost connection in between",
        _settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "id_spike",
        "one update id and one trade id jump by 1e9: resync, and nothing behind them is dropped",
        _settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "future_trade",
        "one T an hour ahead is bounded and counted; the session trades on",
        _settings("quoter.order_qty_base=0.01"),
    ),
    Case("future_day", "one E a day ahead likewise", _settings("quoter.order_qty_base=0.01")),
    Case(
        "wall_clock_steps",
        "our wall clock an hour ahead and back: no lasting offset",
        _settings("quoter.order_qty_base=0.01"),
    ),
    Case("futures", "USD-M futures frames are not this market: exit 2", _settings(), exit_code=2),
    Case("unproven", "no snapshot: no book was proven, exit 2 with what was found", _settings(), exit_code=2),
    Case(
        "sweep",
        "150 prints in a millisecond through small orders: all booked, alike everywhere",
        _settings("quoter.order_qty_base=0.05", "quoter.levels=8", "quoter.position_max_base=10"),
    ),
    Case(
        "large_lots",
        "quantities of 1e10 lots are exact",
        _settings("quoter.order_qty_base=100000000", "quoter.position_max_base=1000000000"),
        ("--tick", "0.00000001", "--lot", "0.1"),
        "BTTCUSDT",
    ),
    Case(
        "large_money",
        "10 BTC at 1.5e9 IDR: fees are right and above 0",
        ["quoter.order_qty_base=10", "quoter.position_max_base=100", *QUOTES, "exchange.maker_fee=0.001"],
        ("--tick", "1", "--lot", "0.00001"),
        "BTCIDR",
    ),
    Case(
        "far_levels",
        "26,000 levels far from the touch",
        _settings("quoter.order_qty_base=0.01"),
        ("--tick", "0.01", "--lot", "0.001"),
    ),
    Case(
        "minimum_notional",
        "orders below the venue's minimum: blocked once, no fills",
        _settings("quoter.order_qty_base=0.001"),
        ("--exchange-info", "exchange_info.json"),
    ),
    Case(
        "hour_halted",
        "halted early: no intents and no denials by the thousand",
        _settings("quoter.order_qty_base=0.5", "risk.loss_session_max_quote=0.2"),
    ),
    Case(
        "dust",
        "a rest of 1 % of the wanted size is replenished",
        _settings("fixed_spread.half_spread_ticks=0.5", "quoter.order_qty_base=0.1"),
    ),
    Case(
        "contradicting_top",
        "the venue's own top is not ours at an equal id: GAP, exit 1 with file and line",
        _settings("quoter.order_qty_base=0.01"),
        exit_code=1,
    ),
    Case(
        "status_halt",
        "not quoted while the symbol's status is HALT",
        _settings("quoter.order_qty_base=0.1"),
        ("--exchange-info", "exchange_info.json"),
    ),
]


def write(name: str, folder: Path) -> Path:
    """Write the recording of a case, and what it needs, into a folder."""
    lines = _WRITERS[name]()
    path = folder / f"{name}.txt.gz"
    path.write_bytes(gzip.compress(b"".join(lines.lines), mtime=0))
    (folder / "exchange_info.json").write_text(_exchange_info("TRADING"))
    return path


def _exchange_info(status: str) -> str:
    price = {"filterType": "PRICE_FILTER", "minPrice": "0.10000000", "maxPrice": "900000.00000000"}
    lot = {"filterType": "LOT_SIZE", "minQty": "0.00100000", "maxQty": "8000.00000000", "stepSize": "0.00100000"}
    notional = {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000.00000000"}
    filters = [price | {"tickSize": "0.10000000"}, lot, notional]
    symbol = {"symbol": "BTCUSDT", "status": status, "baseAsset": "BTC", "quoteAsset": "USDT", "filters": filters}
    return json.dumps({"symbols": [symbol]})


def stale() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    for i, price in enumerate(("241.0", "238.0", "231.0", "220.0")):
        lines.trade(2_500 + 2_500 * i, i + 1, price, "5")
    return lines


def crossed() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    behind = lines.steady(range(200, 1_000, 100), 22, "250.0", "250.1")
    lines.depth(1_000, behind, [("250.3", "1")])
    lines.depth(1_100, behind + 1, [], [("250.1", "0"), ("250.4", "1")])
    lines.snapshot(1_150, behind + 1, [("250.3", "1"), ("250.0", "1")], [("250.4", "1")])
    lines.steady(range(1_200, 3_000, 100), behind + 2, "250.3", "250.4")
    return lines


def late_trade() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    behind = lines.steady(range(200, 500, 100), 22, "250.0", "250.1")
    for ms, trade_id in ((510, 7), (520, 10), (521, 9), (522, 8), (530, 11)):
        lines.trade(ms, trade_id, "250.0", f"0.{trade_id}")
    lines.trade(540, 9, "250.0", "0.9", event_ms=521)  # the same print once more
    lines.steady(range(600, 1_000, 100), behind, "250.0", "250.1")
    return lines


def ids_restart(*, disconnected: bool = False) -> Lines:
    lines = Lines()
    lines.opening(700_000, "250.0", "250.1")
    for i, ms in enumerate(range(200, 2_000, 100)):
        lines.depth(ms, 700_002 + i, [("250.0", ("1.5", "1")[i % 2])], [("250.1", "1")])
        lines.trade(ms, 9_000 + i, "250.0", "0.01")
    if disconnected:
        lines.disconnected(2_100, "closed by the venue")
    for i, ms in enumerate(range(3_602_000, 3_606_000, 100)):
        if i == 1:
            lines.snapshot(ms - 90, 30, [("240.0", "1")], [("240.1", "1")])
        lines.depth(ms, 30 + i, [("240.0", ("1.5", "1")[i % 2])], [("240.1", "1")])
        lines.trade(ms, 1 + i, "240.0", "0.01")
    return lines


def ids_restart_disconnected() -> Lines:
    return ids_restart(disconnected=True)


def id_spike() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    behind = lines.steady(range(200, 1_000, 100), 22, "250.0", "250.1")
    lines.trade(900, 1, "250.0", "0.01")
    lines.trade(950, 1_000_000_002, "250.0", "0.01")
    lines.depth(1_000, (behind, behind + 1_000_000_000), [("250.0", "1")])
    for i, ms in enumerate(range(1_100, 5_000, 100)):
        lines.depth(ms, behind + 1 + i, [("250.0", ("1.5", "1")[i % 2])], [("250.1", "1")])
        lines.trade(ms, 3 + i, "250.0", "0.01")
        if i == 9:
            lines.snapshot(ms + 10, behind + 1 + i, [("250.0", "1")], [("250.1", "1")])
    return lines


def future_trade() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    lines.steady(range(200, 60_000, 100), 22, "250.0", "250.1")
    for i, ms in enumerate(range(1_000, 60_000, 1_000)):
        ahead_ms = 3_600_000 if i == 20 else 0
        lines.trade(ms, i + 1, ("249.8", "250.3")[i % 2], "0.01", sold=i % 2 == 0, event_ms=ms + ahead_ms)
    lines.lines.sort(key=lambda line: int(line.split(b" ", 1)[0]))
    return lines


def future_day() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    for i, ms in enumerate(range(200, 30_000, 100)):
        ahead_ms = 86_400_000 if i == 100 else 0
        lines.depth(ms, 22 + i, [("250.0", ("1.5", "1")[i % 2])], [("250.1", "1")], event_ms=ms + ahead_ms)
        if i % 10 == 0:
            lines.trade(ms + 1, i + 1, ("249.8", "250.3")[i // 10 % 2], "0.01", sold=i // 10 % 2 == 0)
    return lines


def wall_clock_steps() -> Lines:
    lines = future_trade()
    first = int(lines.lines[0].split(b" ", 1)[0])
    stepped = []
    for line in lines.lines:
        recv, frame = line.split(b" ", 1)
        ahead = 3_600_000_000_000 if 10_000_000_000 <= int(recv) - first < 20_000_000_000 else 0
        stepped.append(b"%d %s" % (int(recv) + ahead, frame.replace(b'"T":1767229221000', b'"T":1767225621000')))
    lines.lines = stepped
    return lines


def futures() -> Lines:
    lines = Lines()
    lines.snapshot(0, 50_000, [("250.0", "1")], [("250.1", "1")])
    for i in range(50):
        event = {"e": "depthUpdate", "E": 1_767_225_600_100 + 100 * i, "T": 1_767_225_600_099 + 100 * i, "s": "BTCUSDT"}
        ids = {"U": 50_040 + 30 * i, "u": 50_060 + 30 * i, "pu": 50_030 + 30 * i}
        lines.write(105 + 100 * i, {"stream": "btcusdt@depth@100ms", "data": event | ids | {"b": [], "a": []}})
    return lines


def unproven() -> Lines:
    lines = Lines()
    lines.steady(range(0, 5_000, 100), 20, "250.0", "250.1")
    return lines


def sweep() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.3")
    behind = lines.steady(range(200, 2_000, 100), 22, "250.0", "250.3")
    for i in range(150):
        lines.trade(2_000, i + 1, "249.0", "0.002")
    lines.steady(range(2_100, 4_000, 100), behind, "250.0", "250.3")
    return lines


def large_lots() -> Lines:
    lines = Lines("BTTCUSDT")
    lines.opening(20, "0.00000055", "0.00000056", "7000000000")
    for i, ms in enumerate(range(200, 20_000, 100)):
        bid = [("0.00000055", ("7000000000.5", "6500000000")[i % 2])]
        lines.depth(ms, 22 + i, bid, [("0.00000056", "7000000000")])
        if i % 4 == 0:
            lines.trade(ms, i + 1, ("0.00000054", "0.00000057")[i // 4 % 2], "90000000000", sold=i // 4 % 2 == 0)
    return lines


def large_money() -> Lines:
    lines = Lines("BTCIDR")
    lines.opening(20, "1500000000", "1500000100", "3")
    for i, ms in enumerate(range(200, 20_000, 100)):
        lines.depth(ms, 22 + i, [("1500000000", ("3.5", "3")[i % 2])], [("1500000100", "3")])
        if i % 5 == 0:
            lines.trade(ms, i + 1, ("1499990000", "1500020000")[i // 5 % 2], "40", sold=i // 5 % 2 == 0)
    return lines


def far_levels() -> Lines:
    lines = Lines()
    lines.opening(20, "80000.00", "80000.01")
    for i in range(260):
        asks = [(f"{80_900 + i + cents / 100:.2f}", "0.5") for cents in range(100)]
        lines.depth(200 + 100 * i, 22 + i, [("80000.00", ("1.5", "1")[i % 2])], asks)
    for i in range(20):  # and away again, from the near end
        asks = [(f"{80_900 + i + cents / 100:.2f}", "0") for cents in range(100)]
        lines.depth(26_200 + 100 * i, 282 + i, [], asks)
    return lines


def minimum_notional() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    for i, ms in enumerate(range(200, 30_000, 100)):
        lines.depth(ms, 22 + i, [("250.0", ("1.5", "1")[i % 2])], [("250.1", "1")])
        if i % 10 == 0:
            lines.trade(ms, i + 1, ("249.7", "250.4")[i // 10 % 2], "0.5", sold=i // 10 % 2 == 0)
    return lines


def hour_halted() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    behind = lines.steady(range(200, 2_000, 100), 22, "250.0", "250.1")
    lines.trade(2_010, 1, "249.5", "60")
    lines.depth(2_100, behind, [("250.0", "0"), ("248.0", "1")], [("250.1", "0"), ("248.1", "1")])
    lines.steady(range(2_200, 3_600_000, 5_000), behind + 1, "248.0", "248.1")
    return lines


def dust() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.3")
    behind = lines.steady(range(200, 2_000, 100), 22, "250.0", "250.3")
    lines.trade(2_010, 1, "250.1", "0.099")
    lines.steady(range(2_100, 600_000, 100), behind, "250.0", "250.3")
    return lines


def contradicting_top() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    behind = lines.steady(range(200, 1_000, 100), 22, "250.0", "250.1")
    lines.top(1_010, behind - 1, ("250.0", "1"), ("250.2", "4"))
    lines.steady(range(1_100, 2_000, 100), behind, "250.0", "250.1")
    return lines


def status_halt() -> Lines:
    lines = Lines()
    lines.opening(20, "250.0", "250.1")
    behind = lines.steady(range(200, 2_000, 100), 22, "250.0", "250.1")
    lines.write(2_010, json.loads(_exchange_info("HALT")))
    behind = lines.steady(range(2_100, 6_000, 100), behind, "250.0", "250.1")
    lines.write(6_010, json.loads(_exchange_info("TRADING")))
    lines.steady(range(6_100, 9_000, 100), behind, "250.0", "250.1")
    return lines


_WRITERS: dict[str, Callable[[], Lines]] = {case.name: globals()[case.name] for case in CASES}

"""One small recording for each kind of fault that users of such systems report, written line by line."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

from tests.cases.cases import CASES
from tests.cases.lines import Lines


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

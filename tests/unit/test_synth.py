"""The synthetic market: a coherent recording whose true A and k come back out of it."""

import gzip
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, log, sinh, sqrt
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mm_cli.synth import run
from mm_core.types import NS_PER_S, InputError, to_units
from mm_research.synth.params import Params, instrument_of
from mm_research.synth.record import received, write
from mm_venues.binance.write import UNIT_E8, FrameWriter

SAMPLE = Path(__file__).parents[2] / "samples" / "synth.gz"
STANDARD_ERRORS = 3.0

app = typer.Typer(rich_markup_mode=None)
app.command()(run)

markets = st.builds(
    Params,
    seed=st.integers(0, 2**32),
    duration_ns=st.just(3 * NS_PER_S),
    a_per_s=st.floats(0.1, 50),
    k_per_tick=st.floats(0.4, 3),
    sigma_ticks_sqrt_s=st.floats(0, 10),
    spread_ticks=st.floats(2, 12),
    levels=st.integers(18, 40),
    size_lots=st.integers(1, 1_000),
)


def messages(params: Params) -> Iterator[tuple[int, dict[str, Any]]]:
    """(receive time in ns, message) as a reader of the file sees them."""
    writer = FrameWriter(instrument_of(params))
    for recv_ns, event in received(params):
        yield recv_ns, json.loads(writer.frame(event))


def replay(params: Params) -> Iterator[tuple[dict[str, Any], dict[str, str], dict[str, str]]]:
    """Each message with bids and asks after it, by the venue's rules: buffer, load the snapshot, drop, apply."""
    bids: dict[str, str] = {}
    asks: dict[str, str] = {}
    buffered: list[dict[str, Any]] = []
    update_id = 0
    for _, message in messages(params):
        data = message.get("data", message)
        diffs = [data] if "U" in data else []
        if "lastUpdateId" in data:
            bids, asks, update_id = dict(data["bids"]), dict(data["asks"]), data["lastUpdateId"]
            _, second, third = buffered
            assert second["u"] < third["U"] <= update_id + 1 <= third["u"]  # two to drop, the third overlaps
            diffs = [third]
        elif not update_id:
            buffered += diffs
            continue
        for diff in diffs:
            assert diff["U"] <= update_id + 1
            update_id = diff["u"]
            bids = {price: size for price, size in (bids | dict(diff["b"])).items() if float(size)}
            asks = {price: size for price, size in (asks | dict(diff["a"])).items() if float(size)}
        yield data, bids, asks


def check_tops(params: Params) -> int:
    """Compare the rebuilt book with the bookTickers; returns how many shared an update id with a diff."""
    tops: dict[int, tuple[str, str, str, str]] = {}
    compared = 0
    for data, bids, asks in replay(params):
        bid, ask = max(bids, key=float), min(asks, key=float)
        assert float(bid) < float(ask)
        assert len(bids) <= params.levels >= len(asks)
        if "B" in data:
            tops[data["u"]] = (data["b"], data["B"], data["a"], data["A"])
        elif data.get("u") in tops:
            assert (bid, bids[bid], ask, asks[ask]) == tops[data["u"]]
            compared += 1
    return compared


@given(markets)
@example(Params())
@settings(max_examples=30)
def test_the_rebuilt_book_never_crosses_and_agrees_with_every_shared_book_ticker(params: Params) -> None:
    assert check_tops(params) >= (20 if params == Params() else 0)


@given(markets)
@settings(max_examples=20)
def test_ids_are_gapless_times_in_order_and_trades_lie_between_the_diffs(params: Params) -> None:
    recv_ns, sent = zip(*messages(params), strict=True)
    data = [message["data"] for message in sent if "data" in message]
    diffs = [each for each in data if "U" in each]
    trade_ids = [each["t"] for each in data if "t" in each]
    assert all(after > before for before, after in pairwise(recv_ns))
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(diffs))
    assert trade_ids == list(range(1, len(trade_ids) + 1))
    assert all((diff["E"] - params.start_ns // 10**6) % 100 == 0 for diff in diffs)
    diff_ms = 0
    for each in data:
        diff_ms = each["E"] if "U" in each else diff_ms
        assert each.get("T", diff_ms) >= diff_ms


def test_what_was_traded_is_missing_from_the_next_diff() -> None:
    """In a market where nothing comes back, so that only trades change the touch."""
    params = Params(duration_ns=20 * NS_PER_S, refill_per_s=1e-9, sigma_ticks_sqrt_s=0, churn_per_s=5, spread_ticks=2)
    left: dict[str, float] = {}
    checked = 0
    for data, bids, asks in replay(params):
        book = bids | asks
        if "t" in data:
            left[data["p"]] = left.get(data["p"], float(book[data["p"]])) - float(data["q"])
        elif "U" in data:
            for price, size in left.items():
                assert float(book.get(price, "0")) == pytest.approx(size)
            checked += len(left)
            left.clear()
    assert checked > 10


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    packed = []
    for name, seed in (("a.gz", 7), ("b.gz", 7), ("c.gz", 8)):
        write(tmp_path / name, Params(seed=seed, duration_ns=5 * NS_PER_S), lambda _: None)
        packed.append((tmp_path / name).read_bytes())
    assert packed[0] == packed[1] != packed[2]
    assert packed[0][4:8] == bytes(4)  # no clock in the header of gzip


def form(line: str) -> str:
    """A raw message with its prices, sizes, numbers, flags and symbol blanked."""
    levels = re.sub(r"\[(\[D,D],?)*]", "LEVELS", re.sub(r'"\d+\.\d{8}"', "D", line.strip().lower()))
    return re.sub(r"btcusdt|synth", "S", re.sub(r"(?<=:)(\d+|true|false)", "N", levels))


def test_messages_have_the_form_of_recorded_ones(shared_data: Path) -> None:
    with gzip.open(shared_data / "binance_spot" / "btcusdt_20240808.gz", "rt") as file:
        recorded = {form(file.readline().partition(" ")[2]) for _ in range(3_000)}
    params = Params(duration_ns=20 * NS_PER_S)
    writer = FrameWriter(instrument_of(params))
    assert {form(writer.frame(event).decode()) for _, event in received(params)} == recorded
    assert len(recorded) == 4


@dataclass
class Tape:
    """What a calibration reads off a recording."""

    beyond_ticks: list[int] = field(default_factory=list)  # how far beyond the touch each taker order went
    distances: list[tuple[float, float]] = field(default_factory=list)  # (half-spread in ticks, seconds that it stood)


def read_tape(params: Params) -> Tape:
    """Prints of one taker order (one T, one side) are one order; its reference is the touch before the first print."""
    tape, tick = Tape(), params.tick_e8 * UNIT_E8
    order: tuple[int, bool] | None = None
    touch_ticks, bid_ticks, ask_ticks, since_ns = 0, 0, 0, 0
    for recv_ns, message in messages(params):
        data = message.get("data", message)
        if "B" in data:
            if since_ns:
                tape.distances.append(((ask_ticks - bid_ticks) / 2, (recv_ns - since_ns) / NS_PER_S))
            bid_ticks, ask_ticks, since_ns = to_units(data["b"], tick), to_units(data["a"], tick), recv_ns
        elif "t" in data and since_ns:
            if order != (data["T"], data["m"]):
                order = (data["T"], data["m"])
                touch_ticks = bid_ticks if data["m"] else ask_ticks
                tape.beyond_ticks.append(0)
            tape.beyond_ticks[-1] = abs(to_units(data["p"], tick) - touch_ticks)
    return tape


def estimate(tape: Tape) -> tuple[float, float, float, float]:
    """(k, its standard error, A, standard error of ln A) from reach data: k = N / sum(x - x0), A = (N / T) exp(k x0).

    x0 is the touch's distance. The tape shows a reach rounded down to the tick grid: x - x0 is geometric and the exact
    estimate k = ln(1 + N / sum(x - x0)), of standard error 2 sinh(k / 2) / sqrt(N). The touch's distance varies: the
    integral of exp(-k x0(t)), over both sides, stands for T exp(-k x0).
    """
    orders = len(tape.beyond_ticks)
    k = log(1 + orders / sum(tape.beyond_ticks))
    k_se = 2 * sinh(k / 2) / sqrt(orders)
    weights = [(x0, exp(-k * x0) * seconds) for x0, seconds in tape.distances]
    exposure_s = 2 * sum(weight for _, weight in weights)
    x0_mean = 2 * sum(x0 * weight for x0, weight in weights) / exposure_s
    return k, k_se, orders / exposure_s, sqrt(1 / orders + (x0_mean * k_se) ** 2)


@pytest.mark.parametrize(
    "truth",
    [
        Params(seed=11, duration_ns=3_600 * NS_PER_S, a_per_s=3.0),
        Params(seed=12, duration_ns=1_800 * NS_PER_S, a_per_s=20.0, k_per_tick=1.2, spread_ticks=3.0),
        Params(seed=13, duration_ns=3_600 * NS_PER_S, a_per_s=1.2, k_per_tick=0.2, spread_ticks=6.0),
    ],
)
def test_the_true_a_and_k_come_back_within_3_standard_errors(truth: Params) -> None:
    k, k_se, a, log_a_se = estimate(read_tape(truth))
    assert abs(k - truth.k_per_tick) < STANDARD_ERRORS * k_se < 0.09 * k  # and the test is sharp enough
    assert abs(log(a / truth.a_per_s)) < STANDARD_ERRORS * log_a_se < 0.15


def test_the_spread_has_the_given_mean() -> None:
    tape = read_tape(Params(seed=31, duration_ns=1_800 * NS_PER_S, a_per_s=0.01, spread_ticks=5.0))
    seconds = sum(stood_s for _, stood_s in tape.distances)
    mean_ticks = sum(2 * distance * stood_s for distance, stood_s in tape.distances) / seconds
    standard_error = sqrt(2 * (4 * 1.5) * 2.0 / 1_800)  # sqrt(2 variance * correlation time / time)
    assert abs(mean_ticks - 5.0) < STANDARD_ERRORS * standard_error


def test_an_interrupt_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "market.gz"
    out.write_bytes(b"yesterday's")

    def interrupt(done_ns: int) -> None:
        if done_ns > NS_PER_S:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(out, Params(), interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["market.gz"]
    assert out.read_bytes() == b"yesterday's"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--symbol", "btc/usd"], "--symbol 'btc/usd'"),
        (["--duration", "1s"], "--duration is 1000000000 ns: must be from 2s to 720h"),
        (["--tick", "0"], "--tick 0.0: must be at least 1e-08"),
        (["--mid", "100.005"], "--mid: 100.005 is not a multiple of 0.01"),
        (["--mid", "1"], "--mid is 100 ticks"),
        (["--a", "nan"], "--a nan"),
        (["--k-per-tick", "0.1"], "--levels 50: takers of --k-per-tick 0.1 reach deeper, must be at least 70"),
        (["--sigma-ticks", "-1"], "--sigma-ticks -1.0: must be from 0 to 1000"),
        (["--start", "2026-01-01T00:00:00"], "--start '2026-01-01T00:00:00': must have its time zone"),
        (["--out", "missing/x.gz"], "--out missing/x.gz: cannot be written: No such file or directory"),
        (["--out", "."], "--out .: cannot be written"),
    ],
)
def test_bad_input_is_refused_by_flag_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["--out", "x.gz", *args])
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_the_json_answer_counts_what_was_written_and_states_the_truth(tmp_path: Path) -> None:
    out = tmp_path / "x.gz"
    result = CliRunner().invoke(app, ["--out", str(out), "--duration", "5s", "--a", "2", "--json"])
    made = json.loads(result.stdout.splitlines()[-1])
    written = gzip.decompress(out.read_bytes()).decode().splitlines()
    assert made["depth"] + made["trades"] + made["book_tops"] + made["snapshots"] == len(written)
    assert (made["bytes"], made["seconds"], made["a_per_s"], made["k_per_tick"]) == (out.stat().st_size, 5.0, 2.0, 0.5)


def test_the_sample_is_that_of_its_readme(tmp_path: Path) -> None:
    """Where numpy ever changes its streams, this asks for a new sample."""
    readme = (SAMPLE.parent / "README.md").read_text().splitlines()
    args = shlex.split(next(line for line in readme if line.strip().startswith("crypto-mm synth")))[2:]
    assert CliRunner().invoke(app, [*args, "--out", str(tmp_path / "again.gz")]).exit_code == 0
    assert gzip.decompress((tmp_path / "again.gz").read_bytes()) == gzip.decompress(SAMPLE.read_bytes())
    assert SAMPLE.stat().st_size < 300_000

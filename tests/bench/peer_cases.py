"""What `peer_real.py` and `peer_partial.py` share: the inputs, and one job run here, by the peer and by the port."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from neutral_tapes import (  # type: ignore[import-not-found]  # beside this script
    Columns,
    Source,
    read_columns,
    record_tape,
    write_events,
)
from peer_job import Job, Terms  # type: ignore[import-not-found]  # beside this script
from peer_port import Rules  # type: ignore[import-not-found]  # beside this script
from typer import echo

from mm_research import bench as ours

MODELS = ("risk_averse", "power_prob:3", "power_prob_2:3", "power_prob_3:3", "log_prob", "log_prob_2")
RESULTS = ("steps", "next_order_id", "fills", "traded_value", "balance", "fee", "position")
DIFFERENT = "DIFFERENT"
Result = dict[str, Any]


def options_of(program: str, text: str) -> argparse.Namespace:
    """The command line: recorded frames of one session, or a neutral tape with its tick and lot."""
    parser = argparse.ArgumentParser(prog=program, description=text)
    parser.add_argument("frames", nargs="*", type=Path, help="recorded frames of one Binance session, in their order")
    parser.add_argument("--peer", required=True, help="Python of an environment with hftbacktest 2.4.4")
    parser.add_argument("--symbol", default="", help="default: the name of the first file up to its '_'")
    parser.add_argument("--tape", type=Path, help="a neutral tape instead of frames")
    parser.add_argument("--tick", default="0.1", help="of the tape")
    parser.add_argument("--lot", default="0.001", help="of the tape")
    parser.add_argument("--qty", default="0.01", help="of an order, base; several: a,b,c")
    parser.add_argument("--queue", default=",".join(MODELS), help="models, a,b,c")
    options = parser.parse_args()
    if bool(options.frames) == bool(options.tape):
        parser.error("expected recorded frames, or --tape")
    return options


class Market(NamedTuple):
    """One input for all: the neutral tape, its columns, and hftbacktest's events."""

    name: str
    source: Source
    columns: Columns
    events: Path


# (market, the peer's Python, quantity, queue) to how results compare and what they are
Verdict = Callable[[Market, str, str, str], tuple[str, str]]


def market_of(options: argparse.Namespace, folder: Path) -> Market:
    """The market of the command line; `folder` takes what is written."""
    if options.tape is not None:
        name, source = options.tape.stem, Source(options.tape, options.tick, options.lot)
    else:
        name = options.symbol or options.frames[0].name.partition("_")[0].upper()
        source = record_tape(options.frames, name, folder)
    columns = read_columns(source.path)
    write_events(columns, folder / "events.npz")
    return Market(name, source, columns, folder / "events.npz")


def terms_of(market: Market, qty: str) -> Terms:
    """The job with orders of `qty`, and a position of ten of them."""
    return Terms(tick=market.source.tick, lot=market.source.lot, qty=qty, maxpos=str(10 * Decimal(qty)))


def by_ours(market: Market, terms: Terms, queue: str, *, partial_fills: bool = False) -> Result:
    """Our engine."""
    job = ours.Job(
        tick=terms.tick,
        lot=terms.lot,
        queue=queue,
        qty_base=Decimal(terms.qty),
        position_max_base=Decimal(terms.maxpos),
        partial_fills=partial_fills,
    )
    return ours.bench(market.source.path, job, repeat=1)


def by_peer(python: str, market: Market, terms: Terms, queue: str, *, partial_fills: bool = False) -> Result:
    """Hftbacktest itself, in its own environment."""
    command = [python, str(Path(__file__).with_name("peer_run.py")), "--data", str(market.events), "--queue", queue]
    command += ["--tick", terms.tick, "--lot", terms.lot, "--qty", terms.qty, "--maxpos", terms.maxpos]
    command += ["--half-spread", str(terms.half_spread), "--skew", str(terms.skew)]
    done = subprocess.run([*command, *["--partial-fills"] * partial_fills], check=True, stdout=-1, text=True)
    result: Result = json.loads(done.stdout)
    return result


def by_port(market: Market, terms: Terms, rules: Rules) -> Result:
    """The port of hftbacktest's venue."""
    result: Result = Job(market.columns, terms, rules).run()
    return result


def differences(one: Result, other: Result, lot: str, names: Sequence[str] = RESULTS) -> list[str]:
    """The fields in which two results differ, as `name one != other`.

    Counts are compared exactly, amounts to the rounding of the floats that the peer adds up.
    """
    money = 1e-9 * (abs(one["traded_value"]) + 1)
    most = {"traded_value": money, "balance": money, "fee": money, "position": float(lot) / 2}
    return [
        f"{name} {one[name]} != {other[name]}" for name in names if abs(one[name] - other[name]) > most.get(name, 0)
    ]


def compare(program: str, text: str, verdict: Verdict) -> None:
    """Print a line a case of the command's options; exit code 1 where one is DIFFERENT."""
    options = options_of(program, text)
    is_equal = True
    with TemporaryDirectory() as folder:
        market = market_of(options, Path(folder))
        for qty, queue in product(options.qty.split(","), options.queue.split(",")):
            how, shown = verdict(market, options.peer, qty, queue)
            is_equal = is_equal and how != DIFFERENT
            echo(f"{market.name:10} qty {qty:7} {queue:15} {how:18} {shown}")
    sys.exit(not is_equal)

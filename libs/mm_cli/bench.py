"""`crypto-mm bench`: the benchmark job on a neutral tape, timed."""

from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from mm_cli.options import decimal_option


def run(
    tape: Annotated[Path, typer.Option(help="Neutral tape in Parquet.")],
    tick: Annotated[str, typer.Option(help="Tick size.")],
    lot: Annotated[str, typer.Option(help="Lot size.")],
    queue: Annotated[str, typer.Option(help="Queue model: risk_averse, power_prob:3, log_prob, ..")] = "risk_averse",
    half_spread: Annotated[float, typer.Option(help="Half-spread, ticks.")] = 0.5,
    skew: Annotated[float, typer.Option(help="Skew, ticks per order of position.")] = 0.5,
    qty: Annotated[str, typer.Option(help="Size of an order, base.")] = "0.01",
    maxpos: Annotated[str, typer.Option(help="Position from which a side is not quoted, base.")] = "0.1",
    step_ms: Annotated[int, typer.Option(help="Time between decisions, ms.")] = 100,
    entry_ms: Annotated[str, typer.Option(help="Latency to the venue, ms.")] = "10",
    response_ms: Annotated[str, typer.Option(help="Latency of its answers, ms.")] = "10",
    maker_fee: Annotated[str, typer.Option(help="Fee of the traded value.")] = "0.0002",
    partial_fills: Annotated[bool, typer.Option("--partial-fills", help="Fill what a trade leaves, not all.")] = False,
    two_books: Annotated[bool, typer.Option("--two-books", help="Build a book of our own beside the venue's.")] = False,
    sets: Annotated[int, typer.Option(help="Parameter sets in one pass; results are the first's.")] = 1,
    repeat: Annotated[int, typer.Option(help="Timed runs.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Time the benchmark job over a tape in memory, compiled and warm; two books where its times have no one order."""
    result = _timed(
        tape,
        sets=sets,
        repeat=repeat,
        two_books=two_books,
        tick=tick,
        lot=lot,
        queue=queue,
        half_spread_ticks=half_spread,
        skew_ticks=skew,
        step_ms=step_ms,
        qty_base=decimal_option("--qty", qty),
        position_max_base=decimal_option("--maxpos", maxpos),
        entry_ms=decimal_option("--entry-ms", entry_ms),
        response_ms=decimal_option("--response-ms", response_ms),
        maker_fee=decimal_option("--maker-fee", maker_fee),
        partial_fills=partial_fills,
    )
    typer.echo(dumps(result) if as_json else _summary(result))


def _timed(tape: Path, *, sets: int, repeat: int, two_books: bool, **job: Any) -> dict[str, Any]:
    from mm_research.bench import Job, bench

    return bench(tape, Job(**job), sets=sets, repeat=repeat, two_books=two_books)


def _summary(result: dict[str, Any]) -> str:
    seconds = result["seconds"]
    lines = [
        ("rows", f"{result['rows']:,}, visibility {result['visibility']}"),
        ("steps", f"{result['steps']:,}"),
        ("orders", f"next id {result['next_order_id']:,}"),
        ("fills", f"{result['fills']:,}, traded {result['traded_value']:,}"),
        ("balance", f"{result['balance']:,}, fee {result['fee']:,}, position {result['position']:,}"),
        ("seconds", f"min {seconds['min']:.4f}, median {seconds['median']:.4f} of {result['repeat']} runs"),
        ("speed", f"{result['rows_per_s']:,} rows/s; {result['ns_per_row_and_set']:.2f} ns a row and set"),
    ]
    return "\n".join(f"{name:11} {text}" for name, text in lines)

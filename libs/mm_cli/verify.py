"""`crypto-mm verify`: a session's log through every node once more, compared byte for byte."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm_cli.progress import progress
from mm_core.types import NS_PER_S
from mm_session.interrupt import INTERRUPTED, interruptible

if TYPE_CHECKING:
    from mm_research.stored import Stored
    from mm_research.trees import Difference
    from mm_research.verify import Progress, Verified

ANOTHER_CORE = "the session was made by another core than this one; what differs may be a change of the code"


def run(
    session: Annotated[Path, typer.Option(help="Session folder with a log, as `paper --out` writes it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Re-run a session's log through every node, and compare what they answer with what the log holds.

    Checked too: the numbers, times and Ticks of the roots, and the digests of the summary. A byte that differs is exit
    code 1.
    """
    import msgspec

    from mm_cli.summary import print_notes
    from mm_core.compiled import PLATFORM
    from mm_research.stored import read_stored
    from mm_research.verify import verify_stored
    from mm_session.complete import complete

    print_notes(complete(session))
    stored = read_stored(session)
    with _progress(stored) as take:
        verified = verify_stored(stored, take)
    if stored.digests is None:
        typer.echo("note: the session has no summary: it has not come to its end, no digests are compared", err=True)
    if not verified.core_digest_equal:
        typer.echo(f"note: {ANOTHER_CORE}", err=True)
    if stored.platform not in {"", PLATFORM}:
        typer.echo(f"note: the session ran on {stored.platform}; this is {PLATFORM}", err=True)
    typer.echo(msgspec.json.encode(verified.to_json()).decode() if as_json else _text(verified))
    if not verified.complete:
        raise typer.Exit(INTERRUPTED)
    if not verified.ok:
        raise typer.Exit(1)


@contextmanager
def _progress(stored: "Stored") -> Iterator["Progress"]:
    """Show how much of the market's time is done; after Ctrl-C the next update is the last (a second ends at once)."""
    first_ns, last_ns = stored.first_ns or 0, stored.last_ns or 0
    total_s = max((last_ns - first_ns) / NS_PER_S, 1.0)
    with interruptible() as interrupted, progress("verify") as show:

        def take(events: int, local_ns: int) -> bool:
            show(min(max((local_ns - first_ns) / NS_PER_S, 0.0), total_s), total_s, f"{events:,} events")
            return not interrupted()

        yield take


def _text(verified: "Verified") -> str:
    head = f"{'node':15} {'events':>11} {'outputs':>11} {'differ':>9}"
    rows = [
        f"{name:15} {count.events:11,} {count.outputs:11,} {count.differ:9,}" for name, count in verified.nodes.items()
    ]
    digests = verified.digests_differ
    lines = [
        ("log", f"{verified.events:,} events in {verified.seconds:.2f} s"),
        ("core", "the session's" if verified.core_digest_equal else "NOT the session's"),
        ("digests", "not compared" if digests is None else f"{', '.join(digests)} DIFFER" if digests else "equal"),
        ("result", "equal, byte for byte" if verified.ok else "DIFFERENT" if verified.complete else "interrupted"),
    ]
    texts = [f"{name:15} {text}" for name, text in lines]
    return "\n".join([head, *rows, *texts, *_difference_lines(verified.first_difference)])


def _difference_lines(first: "Difference | None") -> list[str]:
    if first is None:
        return []
    return [
        f"first at event {first.seq:,} of the log, {first.node}: {first.why}",
        f"  expected {_event(first.expected)}",
        f"  found    {_event(first.found)}",
    ]


def _event(fields: dict[str, object] | None) -> str:
    if fields is None:
        return "nothing"
    kind, *values = fields.items()
    return " ".join([str(kind[1]), *(f"{name}={value}" for name, value in values)])

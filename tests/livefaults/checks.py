"""What is wrong with what was seen of a fault."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.livefaults import seen as count
from tests.livefaults.faults import Fault
from tests.livefaults.live import DECIDES
from tests.livefaults.run import Seen
from tests.livefaults.seen import Span
from tests.livefaults.venue import SYMBOL
from tests.session import CONFIG
from typer.testing import CliRunner

from mm_cli.app import app
from mm_core.types import NS_PER_S

LAG_S_MAX = 2.0  # a busy machine; a step of the clock is an hour
IN_FLIGHT_NS = NS_PER_S // 2
MOST = {
    **dict.fromkeys(("orders", "fills", "untrue", "backlog"), 0),
    "late": 2,  # of the one root that a frozen node had in its hands
    "ahead_s": 0.1,  # the server's clock and the log's are one, but for the offset that was measured
    "snapshots": 5,  # one at the start, one to heal, and some that came too early to be of use
}


class Figures(NamedTuple):
    """What is counted of every fault; see the head of the table."""

    orders: int
    fills: int
    untrue: int
    late: int
    ahead_s: float  # how far the log's time was ahead of the clock at most
    backlog: int  # prints and diffs of the time of a freeze that were taken behind it
    snapshots: int


def figures(fault: Fault, seen: Seen) -> Figures:
    """Count it."""
    start_ns, quiet_ns, end_ns = seen.span
    quiet = Span(start_ns, end_ns if fault.trades_on else quiet_ns, end_ns)
    wrong = Span(start_ns, start_ns, start_ns + int(fault.wrong_s * NS_PER_S))
    frozen = Span(start_ns, start_ns + IN_FLIGHT_NS, end_ns if fault.skips_backlog else 0)
    return Figures(
        orders=count.ordered(seen.log, quiet),
        fills=count.filled(seen.log, quiet),
        untrue=count.untrue(seen.log, seen.truth, wrong),
        late=count.late(seen.log, seen.stored_ns),
        ahead_s=count.ahead_ns(seen.log, seen.stored_ns) / NS_PER_S,
        backlog=count.backlog(seen.log, frozen),
        snapshots=seen.requests,
    )


def wrong(fault: Fault, seen: Seen) -> Iterator[str]:
    """All that is wrong, one after the other; nothing if everything is right."""
    if seen.code != fault.exit_code:
        yield f"exit code {seen.code}, not {fault.exit_code}: {seen.err.strip()[-500:]}"
    counted = figures(fault, seen)._asdict()
    yield from (f"{name} {counted[name]}, more than {most}" for name, most in MOST.items() if counted[name] > most)
    yield from _undisturbed(fault, seen) if fault.trades_on else _healed(fault, seen)


def _undisturbed(fault: Fault, seen: Seen) -> Iterator[str]:
    start_ns, _, end_ns = seen.span
    if not count.outputs([seen.recorder_log], fault.reason):
        yield f"the recorder logged nothing of {fault.reason!r}"
    if seen.healing.void_ns:
        yield f"the book was void: {', '.join(seen.healing.reasons)}"
    if not count.ordered(seen.log, Span(start_ns, start_ns, end_ns)):
        yield "nothing was ordered meanwhile"
    if (lag_s := count.lag_ns(seen.log) / NS_PER_S) > LAG_S_MAX:
        yield f"a diff was {lag_s:.1f} s off its exchange time"


def _healed(fault: Fault, seen: Seen) -> Iterator[str]:
    healing, span = seen.healing, seen.span
    if not healing.void_ns:
        yield "the book was never void"
        return
    if healing.void_ns > span.quiet_ns:
        yield f"void only after {(healing.void_ns - span.start_ns) / NS_PER_S:.1f} s"
    if not count.outputs((*healing.reasons, seen.err), fault.reason):
        yield f"the reason is {' | '.join(healing.reasons)!r}, not {fault.reason!r}"
    if fault.exit_code == 1:
        return  # the session ended: nothing is to heal
    if not healing.order_ns:
        yield "no order on a book that is proven again"
    elif (took_s := proven_s(seen)) > fault.heals_s:
        yield f"proven again only after {took_s:.1f} s"


def proven_s(seen: Seen) -> float:
    """Seconds from the end of the fault, or its begin if it lasted, to a book that is proven again."""
    healed_itself = seen.span.end_ns == seen.healing.valid_ns
    return (seen.healing.valid_ns - (seen.span.start_ns if healed_itself else seen.span.end_ns)) / NS_PER_S


def replayed(seen: Seen, folder: Path) -> Iterator[str]:
    """What is wrong with the session's log as it is verified, imported and backtested."""
    if not (seen.out / "manifest.json").exists():
        yield "no session was written"
        return
    code, output = _command("verify", "--session", seen.out, "--json")
    if code:
        yield f"verify: exit code {code}: {output}"
    code, imported = _command("import", "--from", "session", "--out", folder / "data", "--json", seen.out)
    if code:
        yield f"import: exit code {code}: {imported}"
        return
    manifest = json.loads((seen.out / "manifest.json").read_text())
    settings = [*DECIDES, f"clock.offset_ns={manifest['config']['clock']['offset_ns']}"]
    given = [option for setting in settings for option in ("--set", setting)]
    days = f"{imported['days'][0]}..{imported['days'][-1]}"
    tape = ["--data", folder / "data", "--symbol", SYMBOL, "--day", days]
    code, again = _command("backtest", *tape, "--config", CONFIG, *given, "--out", folder / "backtest", "--json")
    digests = json.loads((seen.out / "summary.json").read_text())["digests"]
    if code or again["digests"] != digests:
        yield f"backtest: exit code {code}, digests differ: {again}"


def _command(*arguments: object) -> tuple[int, Any]:
    """Exit code of a command, and the JSON that it printed, or its error."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    lines = result.stdout.strip().splitlines()
    if result.exit_code or not lines:
        return result.exit_code or 1, f"{result.output.strip()[-500:]} {result.exception or ''}"
    return 0, json.loads(lines[-1])


def row(fault: Fault, seen: Seen, problems: list[str]) -> str:
    """The fault's row of the table."""
    healing, counted = seen.healing, figures(fault, seen)
    states = " ".join(dict.fromkeys(healing.states)) or "VALID"
    reasons = sorted(healing.reasons, key=lambda reason: not count.outputs([reason], fault.reason))
    book = ": ".join([states, *reasons[:1]])
    found = f"{max(0, healing.void_ns - seen.span.start_ns) / NS_PER_S:.1f}" if healing.void_ns else "-"
    proven = f"{proven_s(seen):.1f}" if healing.order_ns else "-"
    counts = (counted.orders, counted.fills, counted.untrue, counted.late)
    cells = [fault.name, fault.right, *counts, book, found, proven, "; ".join(problems) or "right"]
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"

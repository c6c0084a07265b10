"""Compare the six queue models with hftbacktest on a recording, or on a neutral tape, in every field of the job.

    python tests/bench/peer_real.py --peer <python with hftbacktest> [--qty 10] <frames>...
    python tests/bench/peer_real.py --peer <python with hftbacktest> --tape synth_1m.parquet --tick 0.1 --lot 0.001

One line a case; exit code 1 at a difference. Where the results differ, the port (`peer_port.py`) tells whether it is
hftbacktest's treatment of a share that is not a number (docs/queues.md): with it the port has to be equal to
hftbacktest, without it to us, in every field.
"""

from peer_cases import (  # type: ignore[import-not-found]  # beside this script
    DIFFERENT,
    RESULTS,
    Market,
    by_ours,
    by_peer,
    by_port,
    compare,
    differences,
    terms_of,
)
from peer_port import Rules  # type: ignore[import-not-found]  # beside this script


def verdict(market: Market, peer: str, qty: str, queue: str) -> tuple[str, str]:
    """(How ours and hftbacktest's results compare, our results)."""
    terms = terms_of(market, qty)
    ours, theirs = by_ours(market, terms, queue), by_peer(peer, market, terms, queue)
    shown = " ".join(f"{name} {ours[name]:.10g}" for name in RESULTS)
    found = differences(ours, theirs, terms.lot)
    if not found:
        return "equal", shown
    as_theirs = by_port(market, terms, Rules(queue))
    as_ours = by_port(market, terms, Rules(queue, nan_to_back=False))
    if differences(as_theirs, theirs, terms.lot) or differences(as_ours, ours, terms.lot):
        return DIFFERENT, f"{shown}; {', '.join(found)}"
    return "equal but for NaN", f"{shown}; hftbacktest fills {theirs['fills']} after {as_theirs['nans']} NaNs"


if __name__ == "__main__":
    compare("peer_real.py", "Compare the queue models with hftbacktest.", verdict)

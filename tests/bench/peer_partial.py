"""Compare partial fills with hftbacktest's PartialFillExchange, its two defects patched.

    python tests/bench/peer_partial.py --peer <python with hftbacktest> [--qty 0.1,10] <frames>...
    python tests/bench/peer_partial.py --peer <python with hftbacktest> --tape synth_1m.parquet --tick 0.1 --lot 0.001

The engine is compiled and cannot be patched, so a port of its venue stands in (`peer_port.py`). A line a case says

- whether the port with the defects is equal to the engine in every field, the code that ended the run included: 14
  where an order that was filled exactly is filled again, at which the engine stops;
- whether we are equal to the port without them (and without its treatment of NaN) under our rule that a trade fills
  no more than its own quantity and a best price no more than it displays; hftbacktest fills the whole order there;
- how often that rule counted; where it never did, whether we are equal to the port without the rule, too.

The job has at most one order a side, so that orders of ours share no trade. Exit code 1 at a difference.
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
    """(How all compares, what was found)."""
    terms = terms_of(market, qty)
    ours = by_ours(market, terms, queue, partial_fills=True)
    theirs = by_peer(peer, market, terms, queue, partial_fills=True)
    as_theirs = by_port(market, terms, Rules(queue, partial_fills=True))
    patched = Rules(queue, partial_fills=True, exact_stays=False, whole_only=False, nan_to_back=False)
    as_ours = by_port(market, terms, patched._replace(quantity_once=True))
    found = [f"engine: {each}" for each in differences(as_theirs, theirs, terms.lot, (*RESULTS, "ended"))]
    found += [f"ours: {each}" for each in differences(as_ours, ours, terms.lot)]
    shown = f"engine ended {theirs['ended']} at step {theirs['steps']} with {theirs['fills']} fills"
    shown += f"; ours {ours['fills']} fills, {as_ours['partials']} partial, rule counted {as_ours['caps']} times"
    if not as_ours["caps"]:
        shown += ", equal without it"
        found += [f"without it: {each}" for each in differences(by_port(market, terms, patched), ours, terms.lot)]
    return (DIFFERENT, f"{shown}; {', '.join(found)}") if found else ("equal", shown)


if __name__ == "__main__":
    compare("peer_partial.py", "Compare partial fills with hftbacktest's, its defects patched.", verdict)

"""`crypto-mm resume --session DIR`: a session that failed, was killed or was interrupted goes on to its end."""

from pathlib import Path

from mm_cli.chain import summary, trade
from mm_cli.order import defined_of, old_order
from mm_cli.paper import end, tell
from mm_cli.summary import tell_notes


def go_on(folder: Path, *, salvage: bool, as_json: bool) -> None:
    """Go on with the session of a folder, and end as `paper` does. InputError if it cannot go on."""
    order = old_order(folder, salvage=salvage)
    tell_notes(order.asked.notes)
    outcome = trade(order)
    told = summary(outcome) | {"notes": order.asked.notes, "session": str(folder)}
    tell(told, defined_of(order.asked), as_json=as_json)
    end(told["failures"], complete=outcome.result.complete)

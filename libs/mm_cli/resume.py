"""`crypto-mm resume --session DIR`: a session that failed, was killed or was interrupted goes on to its end."""

from pathlib import Path

from mm_cli.console import console, tell_now
from mm_cli.paper import end, tell
from mm_cli.summary import tell_notes
from mm_session.run import summary, trade
from mm_session.spec import defined_of, resumed_spec


def go_on(folder: Path, *, salvage: bool, as_json: bool) -> None:
    """Go on with the session of a folder, and end as `paper` does. InputError if it cannot go on."""
    spec = resumed_spec(folder, salvage=salvage)
    tell_notes(spec.file.notes)
    outcome = trade(spec, console, tell_now)
    told = summary(outcome) | {"notes": spec.file.notes, "session": str(folder)}
    tell(told, defined_of(spec.file), as_json=as_json)
    end(told["failures"], complete=outcome.result.complete)

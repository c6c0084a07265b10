"""`crypto-mm resume --session DIR`: a session that failed, was killed or was interrupted is resumed to its end."""

from pathlib import Path

from mm_cli.console import console, print_now
from mm_cli.paper import end, print_result
from mm_cli.summary import print_notes
from mm_session.run import summary, trade
from mm_session.spec import defined_of, resumed_spec


def go_on(folder: Path, *, salvage: bool, as_json: bool) -> None:
    """Go on with the session of a folder, and end as `paper` does. InputError if it cannot go on."""
    spec = resumed_spec(folder, salvage=salvage)
    print_notes(spec.file.notes)
    outcome = trade(spec, console, print_now)
    result = summary(outcome) | {"notes": spec.file.notes, "session": str(folder)}
    print_result(result, defined_of(spec.file), as_json=as_json)
    end(result["failures"], complete=outcome.result.complete)

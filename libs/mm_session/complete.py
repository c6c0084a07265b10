"""The log of a session's folder, with what only its bus still holds."""

from pathlib import Path

from mm_core.types import IntegrityError
from mm_research.stored import group_of
from mm_session.complete_log import complete_log
from mm_session.session_lock import is_locked


def complete(path: Path) -> list[str]:
    """Append to the log on disk what only the bus of a session holds that does not run; notes of what was done.

    A session that runs goes on writing; a damaged bus gives nothing: what is on disk stays as it is.
    """
    if is_locked(path):
        return [f"the session of {path} runs: its log on disk still grows"]
    try:
        more = complete_log(path, group_of(path))
    except IntegrityError as error:
        return [str(error)]
    return [f"{more:,} records of the log were on the bus only; they are in the file now"] if more else []

"""Where programs of this machine leave files for others: the list of sessions, a certificate to trust."""

import os
from pathlib import Path

import platformdirs

STATE_VARIABLE = "MM_STATE_DIR"


def state_folder() -> Path:
    """The folder: MM_STATE_DIR, or the user's state folder."""
    given = os.environ.get(STATE_VARIABLE)
    return Path(given) if given else Path(platformdirs.user_state_dir("crypto-mm"))

"""The error of every venue's parser."""

from mm_core.types import InputError


class FrameError(InputError):
    """A frame that is no fact: malformed, of another symbol, or off the tick or lot grid. Nothing of it is used."""

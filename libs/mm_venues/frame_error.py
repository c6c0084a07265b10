"""The error of every venue's parser."""

from mm_core.types import InputError


class FrameError(InputError):
    """A frame that is no fact: malformed, of another symbol, or off the tick or lot grid. Nothing of it is used.

    `is_off_grid`: the venue's tick or lot may have changed.
    """

    is_off_grid = False


class OffGridError(ValueError):
    """A price or a quantity that is no whole number of ticks or lots."""

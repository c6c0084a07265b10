"""What a venue is to those who know none by name."""

from collections.abc import Iterator
from typing import Protocol

from mm_venues.frame_error import FrameError


class Frames(Protocol):
    """Recorded frames with their receive times, ns; they can be read again from the beginning."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """The frames in their order."""

    def refuse(self, error: FrameError) -> None:
        """The frame read last is bad: InputError that says where, unless it may be left out."""

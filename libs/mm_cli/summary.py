"""The text of a run's summary, from the object that `--json` prints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mm_store.ws_lines import LeftOut

Rows = list[tuple[str, str]]


def left_out_rows(left_out: "Mapping[str, LeftOut]") -> Rows:
    """What --salvage left out, a line for each kind."""
    return [("left out", f"{each.count:,} lines: {kind}; first {each.first}") for kind, each in left_out.items()]

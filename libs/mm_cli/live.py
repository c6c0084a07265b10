"""What a live session must ask the exchange before it begins."""

from mm_runtime.settings import Settings
from mm_store.instrument import Defined


def defined_live(symbol: str, settings: Settings) -> Defined:
    """The instrument as the exchange defines it now."""
    raise NotImplementedError


def measured_offset_ns(settings: Settings) -> int:
    """What has to be added to our clock to give the exchange's, ns."""
    raise NotImplementedError

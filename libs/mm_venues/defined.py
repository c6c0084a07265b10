"""An instrument as it is traded, and how it was found out what it is."""

import msgspec

from mm_core.events import InstrumentDefined


class Defined(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument and where its tick and lot size come from."""

    instrument: InstrumentDefined
    tick_source: str
    lot_source: str

    def to_json(self) -> dict[str, str | int]:
        """The content of `instrument.json`: the definition without the times, which belong to a session."""
        fields: dict[str, str | int] = msgspec.structs.asdict(self.instrument)
        for name in ("ts_ns", "recv_ns", "local_ns", "root_seq"):
            del fields[name]
        return fields | {"tick_source": self.tick_source, "lot_source": self.lot_source}

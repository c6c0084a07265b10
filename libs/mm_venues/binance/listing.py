"""What exchangeInfo has on one symbol while its feed runs: whether it trades, whether its grid has changed. Pure."""

from decimal import Decimal

import msgspec

from mm_core.events import InstrumentDefined
from mm_venues.binance.rules import parse_exchange_info

TRADING = "TRADING"


class _Listed(msgspec.Struct, frozen=True):
    symbol: str
    status: str = TRADING


class _Info(msgspec.Struct, frozen=True):
    symbols: list[_Listed]


_decoder = msgspec.json.Decoder(_Info)


def read_listing(body: bytes | msgspec.Raw, symbol: str) -> InstrumentDefined | None:
    """The definition of the symbol with its status; None if it is not listed there. FrameError if it is unusable."""
    statuses = {listed.symbol: listed.status for listed in _decoder.decode(body).symbols}
    if symbol not in statuses:
        return None
    return msgspec.structs.replace(parse_exchange_info(bytes(body), symbol), status=statuses[symbol])


def grid_change(old: InstrumentDefined, new: InstrumentDefined) -> str:
    """What is another grid now, in one line; empty if the ticks and lots are those that were."""
    changes = [
        f"{name} {before} -> {after}"
        for name, before, after in (
            ("tick size", old.tick_size, new.tick_size),
            ("lot size", old.lot_size, new.lot_size),
        )
        if Decimal(before) != Decimal(after)
    ]
    return ", ".join(changes)


def refresh(old: InstrumentDefined, new: InstrumentDefined) -> InstrumentDefined:
    """The new definition at the times of the old one, so that equal ones are equal."""
    return msgspec.structs.replace(
        new, ts_ns=old.ts_ns, recv_ns=old.recv_ns, local_ns=old.local_ns, root_seq=old.root_seq
    )

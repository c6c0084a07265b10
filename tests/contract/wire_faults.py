"""Faults of an exchange's wire: what happens, how it is handled here, and the tests that play it.

The list is that of a recorder of any venue. Some faults are another venue's, or of private streams that this project
does not use: those have a reason in place of tests.
"""

from typing import NamedTuple

from tests.contract.wire_faults_book import BOOK
from tests.contract.wire_faults_connection import CONNECTION


class Fault(NamedTuple):
    """One fault; `handling` has the reason why it is not applicable where there are no tests."""

    number: int
    fault: str
    handling: str
    tests: tuple[str, ...] = ()


_KRAKEN = "Binance Spot has no checksum of the book: ids prove it, and the venue's own touch is compared with it."
_PRIVATE = "Nothing private is subscribed to and no order is sent to a venue: orders go to the paper exchange."
_NO_HEARTBEAT = "Binance Spot has no heartbeat messages: pings of the protocol show that a connection lives."

_NOT_APPLICABLE = (
    Fault(13, "a checksum over the book does not match", _KRAKEN),
    Fault(14, "the checksum fails again and again", _KRAKEN),
    Fault(
        15,
        "levels leave the subscribed depth and come back",
        "Diffs of Binance Spot name every removal, so no level is cut off by counting.",
    ),
    Fault(16, "a checksum over a side of few levels or none", _KRAKEN),
    Fault(
        17,
        "trailing zeros lost on the way to the checksum",
        "Without a checksum nothing depends on how a number is written: prices and quantities are exact integers.",
    ),
    Fault(
        24,
        "a subscription is not confirmed, or is refused",
        "Streams are named in the address of the connection, so there is no subscription to confirm; "
        "a stream that never begins is fault 23.",
    ),
    Fault(
        53,
        "an update comes before the snapshot of its subscription",
        "Snapshots come by REST, never by the stream: diffs in front of one are the normal case and wait for it.",
    ),
    Fault(
        57,
        "the last trades are repeated with a new subscription",
        "Binance Spot sends no old trades when a stream begins; repeated ids are fault 56.",
    ),
    Fault(58, "heartbeats come otherwise than documented", _NO_HEARTBEAT),
    Fault(61, "private streams lose a token, a message or an answer", _PRIVATE),
)

FAULTS = tuple(sorted((*(Fault(*row) for row in (*BOOK, *CONNECTION)), *_NOT_APPLICABLE)))

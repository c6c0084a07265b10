"""Our own frames among those of a venue: what happened to the connection, at its place in the order of arrival.

A recording of all frames, these included, leads to the same events without a socket. No venue uses the key.
"""

from typing import Final, Literal

import msgspec

KEY = "crypto_mm"
DISCONNECTED: Final = "disconnected"
_REASON_CHARS_MAX = 200
FRAME_BYTES_MAX = 4 << 20  # a frame of the venue is quoted in full: a client takes no larger ones


class Disconnected(msgspec.Struct, frozen=True, omit_defaults=True):
    """The venue's frames are no longer known to be complete: the connection was lost, or a frame was unreadable.

    `frame` quotes the unreadable frame, of which the feed took nothing.
    """

    kind: Literal["disconnected"] = msgspec.field(name=KEY)
    reason: str
    frame: str = ""


_decoder = msgspec.json.Decoder(Disconnected)


def disconnected(reason: str, frame: bytes = b"") -> bytes:
    """The frame that records it, without a newline.

    It quotes `frame` up to FRAME_BYTES_MAX; bytes that are no text are escaped.
    """
    quoted = frame[:FRAME_BYTES_MAX].decode(errors="backslashreplace")
    return msgspec.json.encode(Disconnected(DISCONNECTED, reason[:_REASON_CHARS_MAX], quoted))


def read(frame: bytes | msgspec.Raw) -> Disconnected:
    """The reason in such a frame. msgspec.DecodeError if it is none."""
    return _decoder.decode(frame)

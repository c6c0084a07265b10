"""Events to bytes and back: msgpack, one encoder and one decoder for the process."""

from msgspec import msgpack

from mm_core.events import AnyEvent, Event

_encoder = msgpack.Encoder()
_decoder: msgpack.Decoder[AnyEvent] = msgpack.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """The bytes of an event: equal events give equal bytes. Fields at their default are left out."""
    return _encoder.encode(event)


def decode(data: bytes) -> AnyEvent:
    """The event of the bytes; unknown fields are skipped. msgspec.DecodeError if it is none that we know."""
    return _decoder.decode(data)

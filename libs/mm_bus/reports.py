"""What a node tells the sequencer about its inputs: protocol 3."""

import msgspec


class Report(msgspec.Struct, frozen=True, array_like=True):
    """(sequence of the input, the encoded answers to it) of one or more inputs; no answers are an answer too.

    `writer` wrote the last of the inputs, to whom the report says that they are stored.
    """

    answers: list[tuple[int, list[bytes]]]
    writer: str = ""


class Head(msgspec.Struct):
    """What must be read of an answer to append it."""

    type: str
    instrument_id: str = ""

"""What a node reports to the sequencer about its inputs: docs/log.md."""

import msgspec


class Report(msgspec.Struct, frozen=True, array_like=True):
    """(sequence of the input, its encoded outputs) of one or more inputs; an input without outputs is reported too.

    `writer` wrote the last of the inputs, to whom the report shows that they are stored.
    """

    outputs: list[tuple[int, list[bytes]]]
    writer: str = ""


class Head(msgspec.Struct):
    """What must be read of an output to append it."""

    type: str
    instrument_id: str = ""

"""The state of a sequencer, recovered from the end of its log."""

import msgspec
from nats.js.api import RawStreamMsg

from mm_bus.bus import Bus
from mm_bus.label import Label
from mm_bus.log_check import LogTrimmedError, check_chain, read_name
from mm_bus.trim import last_roots
from mm_core.events import FeedStatus, InstrumentDefined, Root, Tick
from mm_core.types import BookState
from mm_wire.chain import Entry
from mm_wire.codec import decode
from mm_wire.subjects import CONSOLE, RECORDER, writer_subject

CLOSE = "close"  # the source of the Tick that ends a log


class End(msgspec.Struct):
    """`tree`: the last root and all behind it; `sources`: the last number of each; `is_closed`: the log has ended.

    `instrument_id` is the log's, `is_proven` whether its last FeedStatus is VALID.
    `local_ns` is that of the last deciding root or Tick, `root_ns` of the last deciding root.
    `command`: source and sequence of the last operator's command, whose sender may not have its ack.
    """

    root_seq: int = 0
    local_ns: int = 0
    root_ns: int = 0
    instrument_id: str = ""
    is_proven: bool = False
    tree_seq: int = 0
    tree: list[Entry] = []
    sources: dict[str, int] = {}
    command: tuple[str, int] | None = None
    is_closed: bool = False


async def read_end(bus: Bus, group: str, last_seq: int) -> End:
    """Read the end of a log whose last sequence is `last_seq`. IntegrityError if its last tree is incomplete."""
    end = End()
    for last in (await last_roots(bus, group)).values():
        label, root = Label.parse(last.label), decode(last.data)
        assert isinstance(root, Root)
        end.tree_seq = max(end.tree_seq, last.seq)
        _take_root(end, root)
        if label.source.startswith(RECORDER):
            end.sources[label.source] = max(end.sources.get(label.source, 0), label.number)
        if label.source.startswith(CONSOLE):
            end.command = label.source, last.seq
        end.is_closed = end.is_closed or label.source == CLOSE
    if not end.tree_seq:
        return end
    for seq, message in enumerate(await _tree(bus, group, end.tree_seq, last_seq), end.tree_seq):
        if message.subject == writer_subject(group):
            continue
        label, data = Label.of(message.headers), message.data or b""
        cause = 0 if seq == end.tree_seq else label.number
        end.tree.append(Entry(seq, type(decode(data)).__name__, cause, data))
    return end


def _take_root(end: End, root: Root) -> None:
    end.root_seq = max(end.root_seq, root.root_seq)
    if isinstance(root, InstrumentDefined):
        end.instrument_id = root.instrument_id
    if isinstance(root, FeedStatus):
        end.is_proven = root.state is BookState.VALID
    if isinstance(root, InstrumentDefined):
        return
    end.local_ns = max(end.local_ns, root.local_ns)
    if not isinstance(root, Tick):
        end.root_ns = max(end.root_ns, root.local_ns)


async def _tree(bus: Bus, group: str, first_seq: int, last_seq: int) -> list[RawStreamMsg]:
    """The last root and all behind it, whose chain is checked from the message before."""
    try:
        before = await read_name(bus, group, first_seq - 1)
    except LogTrimmedError:
        before = ""
    return await check_chain(bus, group, first_seq, last_seq, before)

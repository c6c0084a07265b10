"""Makes the stream of a group's log."""

from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from mm_bus.bus import Bus, until_available
from mm_wire.subjects import log_subjects, stream, writer_subject

DUPLICATES_S = 5.0  # the server remembers message ids for so long; nothing here relies on it


async def open_log(bus: Bus, group: str, replicas: int = 1) -> int:
    """Make the stream of a group, at so many servers, where it is missing; its last sequence, 0 of an empty log."""
    name = stream(group)
    try:
        info = await until_available(lambda: bus.jetstream.stream_info(name))
    except NotFoundError:
        config = StreamConfig(
            name=name,
            subjects=[*log_subjects(group), writer_subject(group)],
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            allow_direct=True,
            duplicate_window=DUPLICATES_S,
            num_replicas=replicas,
            allow_atomic=True,
        )
        info = await until_available(lambda: bus.jetstream.add_stream(config))
    return int(info.state.last_seq)

"""Which of a depth event and the venue's own top is newer: the update ids of both count changes of one book."""

import numpy as np

from mm_core.compiled import Record, compiled

IDS = np.dtype([("epoch", "i8"), ("book_id", "i8"), ("top_id", "i8")])


@compiled
def take_depth(ids: Record, update_id: int) -> bool:
    """A delta or a snapshot comes; True if it is older than the venue's top that is known."""
    ids.book_id = update_id
    return update_id < ids.top_id


@compiled
def take_top(ids: Record, update_id: int) -> bool:
    """The venue's top comes; True if it is newer than all that is known of the book."""
    if update_id <= max(ids.book_id, ids.top_id):
        return False
    ids.top_id = update_id
    return True


@compiled
def take_epoch(ids: Record, epoch: int) -> None:
    """The feed's status comes: in a new epoch ids may begin again."""
    if epoch != ids.epoch:
        ids.epoch = epoch
        ids.book_id = 0
        ids.top_id = 0

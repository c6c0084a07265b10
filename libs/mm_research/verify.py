"""Verification of a session: its log through every node once more, and their outputs compared with those in the log.

The order of the log is the order in which its events are delivered, so the nodes take all its events one after the
other. Their inputs are always those logged, never outputs of this run: a node's difference does not spread to others by
itself, only where the log's own event is not the input that they had then.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from mm_core import events as e
from mm_core.compiled import CORE_DIGEST
from mm_core.node import Node
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.types import InputError
from mm_research.log_digests import LogDigests
from mm_research.roots import RootCheck
from mm_research.stored import Stored, read_stored
from mm_research.trees import Difference, Placed, Tree, compare, difference
from mm_store.log_read import read_log
from mm_wire.subjects import SEQUENCER, published_by

_PROGRESS_EVENTS = 4096
# What a broken invariant of a node raises at an input that cannot be.
BROKEN = (AssertionError, IndexError, OverflowError)

# Called with (events done, local time of the last root, ns); returns False to stop.
Progress = Callable[[int, int], bool]


class NodeCount(msgspec.Struct):
    """Inputs and outputs of a node, and in how many places the log differs."""

    events: int = 0
    outputs: int = 0
    differ: int = 0


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found. `nodes` has the sequencer too: the roots that it stamped.

    `digests_differ` names the digests of summary.json that do not follow from the log; null if they were not compared.
    """

    nodes: dict[str, NodeCount]
    first_difference: Difference | None
    core_digest_equal: bool
    digests_differ: list[str] | None
    events: int
    seconds: float
    complete: bool

    @property
    def ok(self) -> bool:
        """All of the log was compared and all is equal; the core may be another one."""
        return self.complete and self.first_difference is None and not self.digests_differ

    def to_json(self) -> dict[str, Any]:
        """The object that `verify --json` prints."""
        return {"ok": self.ok} | msgspec.structs.asdict(self)


def verify(folder: Path, progress: Progress = lambda _events, _local_ns: True) -> Verified:
    """Compare the log of a session folder with its nodes, and its digests with its log.

    InputError if the folder is no session with a log, or is damaged.
    """
    return verify_stored(read_stored(folder), progress)


def verify_stored(stored: Stored, progress: Progress = lambda _events, _local_ns: True) -> Verified:
    """The same, of a session whose manifest has been read."""
    started = perf_counter()
    core = new_core(stored.config, stored.instrument)
    nodes = new_nodes(core, stored.instrument.instrument_id)
    check = _Check(nodes, RootCheck(stored.instrument, core.period_ns, core.offset_ns))
    digests = LogDigests(stored.instrument)
    complete, next_progress = True, 0
    has_end = stored.digests is not None
    for tree, is_last in _with_last(_trees(read_log(stored.folder))):
        check.compare(tree, is_cut=is_last and not has_end)
        for event in tree:
            digests.take(event)
        if check.position >= next_progress:
            next_progress = check.position + _PROGRESS_EVENTS
            digests.pack()
            if not progress(check.position, check.local_ns):
                complete = False
                break
    if not check.position:
        raise InputError(f"{stored.folder}: an empty log; expected that of a session")
    progress(check.position, check.local_ns)
    return Verified(
        nodes=check.counts,
        first_difference=check.first,
        core_digest_equal=stored.core_digest == CORE_DIGEST,
        digests_differ=digests.differ(stored.digests) if complete and stored.digests is not None else None,
        events=check.position,
        seconds=perf_counter() - started,
        complete=complete,
    )


def _trees(log: Iterator[e.AnyEvent]) -> Iterator[Tree]:
    """The log cut before every root: a root and what it led to. What precedes the first root is a tree, too."""
    tree: Tree = []
    for event in log:
        if isinstance(event, e.Root) and tree:
            yield tree
            tree = []
        tree.append(event)
    if tree:
        yield tree


def _with_last(trees: Iterator[Tree]) -> Iterator[tuple[Tree, bool]]:
    """Each tree, and whether it is the last one."""
    tree = next(trees, None)
    while tree is not None:
        following = next(trees, None)
        yield tree, following is None
        tree = following


class _Check:
    """The nodes of a session and their counts; `position` is how many events of the log are done."""

    def __init__(self, nodes: Sequence[Node], roots: RootCheck) -> None:
        ranked = sorted(nodes, key=lambda node: node.rank)
        self.counts = {node.name: NodeCount() for node in ranked} | {SEQUENCER: NodeCount()}
        self.first: Difference | None = None
        self.position = 0
        self.local_ns = 0
        self._roots = roots
        self._subscribers = {kind: [node for node in ranked if kind in node.inputs] for kind in e.EVENTS}
        self._stopped: list[str] = []  # nodes whose invariants the log has broken

    def compare(self, tree: Tree, *, is_cut: bool = False) -> None:
        """Replay the next tree through the nodes and compare. `is_cut`: the log may end before its last outputs."""
        head = tree[0]
        roots = 0
        if isinstance(head, e.Root):
            self._root(head)
            roots = 1
        outputs = self._outputs(tree) if len(tree) > 1 or self._subscribers[type(head)] else ()
        if outputs or len(tree) > roots:
            first = self.position + 1
            logged = [(first + at, event) for at, event in enumerate(tree) if at >= roots]
            outputs = outputs[: len(logged)] if is_cut else outputs
            self._compare_outputs(outputs, logged, first + len(tree))
        self.position += len(tree)

    def _root(self, root: e.RootEvent) -> None:
        count = self.counts[SEQUENCER]
        count.events += 1
        count.outputs += 1
        self.local_ns = root.local_ns
        wrong = self._roots.wrong(root)
        if wrong is not None:
            expected, why = wrong
            self._differ({SEQUENCER: 1}, difference(self.position + 1, SEQUENCER, why, expected, root))

    def _outputs(self, tree: Tree) -> Sequence[e.Event]:
        """The nodes' outputs for the events of a tree.

        If they are what the tree holds, every output also has its cause in front of it: no event is its own output.
        """
        outputs: list[e.Event] = []
        for at, event in enumerate(tree):
            for node in self._subscribers[type(event)]:
                outputs += self._step(node, event, self.position + 1 + at)
        return outputs

    def _step(self, node: Node, event: e.Event, position: int) -> Sequence[e.Event]:
        if node.name in self._stopped:
            return ()
        count = self.counts[node.name]
        count.events += 1
        try:
            outputs = node.step(event)
        except BROKEN as error:
            self._stopped.append(node.name)
            why = f"this stops the node, no more of it is compared: {type(error).__name__}: {error}"
            self._differ({node.name: 1}, difference(position, node.name, why, None, event))
            return ()
        for output in outputs:
            assert type(output) in node.outputs, f"{node.name} may not publish {type(output).__name__}"
        count.outputs += len(outputs)
        return outputs

    def _compare_outputs(self, outputs: Sequence[e.Event], logged: Sequence[Placed], end: int) -> None:
        if self._stopped:
            outputs = [event for event in outputs if published_by(type(event)) not in self._stopped]
            logged = [placed for placed in logged if published_by(type(placed[1])) not in self._stopped]
        counts, first = compare(outputs, logged, end)
        if first is not None:
            self._differ(counts, first)

    def _differ(self, counts: dict[str, int], first: Difference) -> None:
        for node, count in counts.items():
            self.counts[node].differ += count
        self.first = self.first or first

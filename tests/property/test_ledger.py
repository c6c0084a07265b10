"""The ledger: one order of the log, in whatever order reports come, and from wherever a killed sequencer stopped."""

from collections import deque
from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_services.sequencer.ledger import Ledger, LogDiffersError
from mm_wire.chain import Entry

KINDS = ("A", "B", "C", "D", "E")
NODES = ("first", "second", "third", "fourth")
DEPTH_MAX = 3
ANSWERS_MAX = 2


class World:
    """Subscriptions, and a node's outputs for an event: a function of both and the seed, of bounded depth."""

    def __init__(self, subscribers: dict[str, tuple[str, ...]], seed: int) -> None:
        self.subscribers = subscribers
        self._seed = seed

    def answers(self, node: str, data: bytes) -> list[bytes]:
        """A node's outputs for an event."""
        depth, _, _ = data.split(b" ", 2)
        crc = crc32(data + node.encode(), self._seed)
        count = crc % (ANSWERS_MAX + 1) if int(depth) < DEPTH_MAX else 0
        return [
            b"%d %s %d.%d" % (int(depth) + 1, KINDS[(crc >> 4 * (place + 1)) % len(KINDS)].encode(), crc, place)
            for place in range(count)
        ]

    def log(self, roots: list[bytes]) -> list[Entry]:
        """The plain breadth-first loop (mm_research.memory_log)."""
        expected: list[Entry] = []
        for root in roots:
            expected.append(entry(len(expected) + 1, 0, root))
            queue = deque([expected[-1]])
            while queue:
                event = queue.popleft()
                for node in self.subscribers[event.kind]:
                    for answer in self.answers(node, event.data):
                        expected.append(entry(len(expected) + 1, event.seq, answer))
                        queue.append(expected[-1])
        return expected


def entry(seq: int, cause: int, data: bytes) -> Entry:
    return Entry(seq, data.split(b" ")[1].decode(), cause, data)


def root(number: int, kind: str) -> bytes:
    return b"0 %s root %d" % (kind.encode(), number)


worlds = st.builds(
    World,
    st.fixed_dictionaries(
        {
            kind: st.lists(st.sampled_from(NODES), unique=True, max_size=3).map(lambda nodes: tuple(sorted(nodes)))
            for kind in KINDS
        }
    ),
    st.integers(0, 2**32 - 1),
)
roots_of = st.lists(st.sampled_from(KINDS), min_size=1, max_size=4).map(
    lambda kinds: [root(number, kind) for number, kind in enumerate(kinds)]
)


randoms = st.integers(0, 2**32 - 1).map(Random)  # a drawn order that is quick to draw


class Run:
    """A sequencer without a bus: what it appends, and the reports that it can take by now, in a drawn order."""

    def __init__(self, world: World, roots: list[bytes], expected: list[Entry]) -> None:
        self.world = world
        self.ledger = Ledger(world.subscribers)
        self.log = list(expected)
        self.roots = roots
        self.known: list[tuple[str, int, list[bytes]]] = []

    def append(self, cause: int, data: bytes) -> None:
        """Append an event, which its subscribers will report on."""
        self.log.append(entry(len(self.log) + 1, cause, data))
        self.ledger.appended(self.log[-1].seq, self.log[-1].kind)
        self.owe(self.log[-1])

    def owe(self, event: Entry) -> None:
        """Let all subscribers of an event report on it."""
        for node in self.world.subscribers[event.kind]:
            self.known.append((node, event.seq, self.world.answers(node, event.data)))

    def settle(self) -> None:
        """Append all that may be appended; a root only when nothing is open."""
        while True:
            answers = self.ledger.pop()
            if answers is not None:
                for answer in answers:
                    self.append(answer.cause, answer.data)
            elif self.ledger.is_quiescent and self.roots:
                self.append(0, self.roots.pop(0))
            else:
                return

    def finish(self, random: Random) -> None:
        """Take reports in any order until nothing is open, with repeats and foreign ones between."""
        self.settle()
        while not self.ledger.is_quiescent:
            assert self.known, "something is open that nobody owes"
            node, seq, answers = self.known.pop(random.randrange(len(self.known)))
            waits = self.ledger.waits(node, seq)
            assert self.ledger.report(node, seq, answers) == waits
            assert not self.ledger.report(node, seq, [b"0 A a repeat"])
            assert not self.ledger.report("nobody", seq, [])
            assert not self.ledger.report(node, seq + 1_000, answers)
            self.settle()


@given(worlds, roots_of, randoms)
def test_the_order_is_breadth_first_however_reports_arrive(world: World, roots: list[bytes], random: Random) -> None:
    run = Run(world, list(roots), [])
    run.finish(random)
    assert run.log == world.log(roots)
    assert run.roots == []
    assert run.ledger.waits_for() == (0, [])


@given(worlds, roots_of, randoms)
def test_it_is_quiescent_exactly_when_every_subscriber_has_reported(
    world: World, roots: list[bytes], random: Random
) -> None:
    run = Run(world, roots[:1], [])
    run.settle()
    while run.known:
        assert not run.ledger.is_quiescent
        seq, nodes = run.ledger.waits_for()
        assert {(node, seq) for node in nodes} <= {(node, at) for node, at, _ in run.known}
        run.ledger.report(*run.known.pop(random.randrange(len(run.known))))
        run.settle()
    assert run.ledger.is_quiescent


@given(worlds, roots_of, st.floats(0, 1), randoms)
def test_any_cut_of_the_log_is_resumed_in_the_same_way(
    world: World, roots: list[bytes], where: float, random: Random
) -> None:
    whole = world.log(roots)
    cut = 1 + round(where * (len(whole) - 1))
    begins = max(each.seq for each in whole[:cut] if each.cause == 0)
    tree = whole[begins - 1 : cut]
    run = Run(world, roots[sum(each.cause == 0 for each in whole[:cut]) :], whole[:cut])
    run.ledger.rebuild(tree)
    for event in tree:
        run.owe(event)
    run.finish(random)
    assert run.log == whole


@given(worlds, roots_of, st.data())
def test_a_node_that_answers_otherwise_than_the_log_is_noticed(
    world: World, roots: list[bytes], data: st.DataObject
) -> None:
    whole = world.log(roots[:1])
    cuts = [each.seq for each in whole if each.cause]
    if not cuts:
        return
    cut = data.draw(st.sampled_from(cuts))
    cause = whole[cut - 1].cause
    ledger = Ledger(world.subscribers)
    ledger.rebuild(whole[:cut])
    loss = data.draw(st.sampled_from(["other bytes", "none"]))
    for node in world.subscribers[whole[cause - 1].kind]:
        right = world.answers(node, whole[cause - 1].data)
        assert ledger.report(node, cause, [b"0 A other" for _ in right] if loss == "other bytes" else [])
    with pytest.raises(LogDiffersError, match=f"other outputs for {cause} than its nodes give"):
        ledger.pop()

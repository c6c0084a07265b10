"""Faults planted into the protocol, each as one edit of its source: simulation must find them.

An edit is made while the module is imported, so in a process of its own; no file is changed.
"""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import CodeType, ModuleType
from typing import NamedTuple


class Mutant(NamedTuple):
    """`old` is there once in the source of `module` and becomes `new`; `scenarios` are those to try first."""

    name: str
    module: str
    old: str
    new: str
    scenarios: tuple[str, ...]


MUTANTS = (
    Mutant(
        "an append does not name the one before",
        "mm_services.sequencer.appender",
        "headers = {HEADER: text, NAME: self._name, **follows}",
        "headers = {HEADER: text, NAME: self._name}",
        ("append",),
    ),
    Mutant(
        "a sequencer takes the log over without a fence",
        "mm_services.sequencer.appender",
        "error = await send_fence(self._bus, self._group, last_seq, names, writer)",
        "error, names = None, names[:1]",
        ("append-kill", "two-writers"),
    ),
    Mutant(
        "sends again without looking up the end of the stream",
        "mm_services.sequencer.appender",
        "last_seq = await self._checked_end()",
        "last_seq = self.stored_seq",
        ("writers", "two-writers"),
    ),
    Mutant(
        "the end of the stream is believed to be ours",
        "mm_services.sequencer.appender",
        "        if foreign or last_seq > sent_seq:",
        "        if last_seq > sent_seq:",
        ("writers", "two-writers"),
    ),
    Mutant(
        "the end of the stream is judged by what came while looking it up",
        "mm_services.sequencer.appender",
        "        if foreign or last_seq > sent_seq:",
        "        if foreign or last_seq > self.last_seq:",
        ("taken-over",),
    ),
    Mutant(
        "a shorter stream is taken as it is",
        "mm_services.sequencer.appender",
        "        if last_seq < stored_seq:",
        "        if last_seq < 0:",
        ("shorter", "shorter-log"),
    ),
    Mutant(
        "a hole in the roots is not noticed",
        "mm_services.sequencer.intake",
        "        if roots.first > expected and not (roots.skips or self._is_closed):",
        "        if roots.first > expected + 10 and not (roots.skips or self._is_closed):",
        ("intake", "roots"),
    ),
    Mutant(
        "repeated roots are not dropped",
        "mm_services.sequencer.intake",
        "new = sent[expected - roots.first :] if roots.first else []",
        "new = sent if roots.first else []",
        ("intake", "roots"),
    ),
    Mutant(
        "a source gets an ack before its roots are stored",
        "mm_services.sequencer.sequencer",
        "await self._intake.confirm(self._appender.stored_seq)",
        "await self._intake.confirm(self._appender.last_seq)",
        ("intake-kill", "roots"),
    ),
    Mutant(
        "a source gives up one root too many",
        "mm_bus.roots",
        "while self._pending and self._pending[0][0] < ack.number:",
        "while self._pending and self._pending[0][0] <= ack.number:",
        ("intake", "roots"),
    ),
    Mutant(
        "a live source publishes no GAP for what it left out",
        "mm_bus.roots",
        "is_skip = first == self._skips_at",
        "is_skip = first == self._skips_at and first == 1",
        ("live",),
    ),
    Mutant(
        "a restarted sequencer rebuilds one event too late",
        "mm_services.sequencer.ledger",
        "            if entry.seq >= first_open:",
        "            if entry.seq > first_open:",
        ("group",),
    ),
    Mutant(
        "a restarted sequencer expects a source's last root again",
        "mm_bus.log_end",
        "max(end.sources.get(label.source, 0), label.number)",
        "max(end.sources.get(label.source, 0), label.number - 1)",
        ("intake-kill", "roots"),
    ),
    Mutant(
        "a repeated report counts for another node",
        "mm_services.sequencer.ledger",
        "return event is not None and event.reports.get(node, ()) is None",
        "return event is not None and node in event.reports",
        ("group", "whole-group"),
    ),
    Mutant(
        "a reader does not notice a hole",
        "mm_bus.log_reader",
        "        if consumer_seq != self._consumer_seq + 1:",
        "        if consumer_seq < 0:",
        ("read", "group-read"),
    ),
    Mutant(
        "a reader continues one event too late",
        "mm_bus.log_reader",
        "opt_start_seq=self.next_seq,",
        "opt_start_seq=self.next_seq + (self.resets > 1),",
        ("read",),
    ),
    Mutant(
        "a poller takes what comes after a hole",
        "mm_bus.log_poller",
        "        if seq != self.next_seq:",
        "        if seq < self.next_seq:",
        ("read",),
    ),
    Mutant(
        "a node's state is saved in the middle of a tree",
        "mm_service.node_loop",
        "        if label.tree != self._tree:\n            self._begin_tree(label.tree)\n",
        "        if label.tree != self._tree or self.events >= self._checkpoint_at:\n"
        "            self._begin_tree(label.tree)\n",
        ("group",),
    ),
    Mutant(
        "a node does not send its reports again",
        "mm_service.node_loop",
        "        self._pending.append((seq, encoded))\n",
        "",
        ("group",),
    ),
)


class _EditedLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from its edited source, past the cache of compiled ones."""

    mutant: Mutant

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(edited(self.get_data(path).decode(), self.mutant).encode(), path)


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        loader = _EditedLoader(fullname, spec.origin)
        loader.mutant = self._mutant
        return importlib.util.spec_from_file_location(fullname, spec.origin, loader=loader)


def edited(source: str, mutant: Mutant) -> str:
    """The source with the fault. AssertionError if its place is not there just once."""
    assert source.count(mutant.old) == 1, (
        f"{mutant.name}: its place is there {source.count(mutant.old)} times in the source"
    )
    return source.replace(mutant.old, mutant.new)


def plant(mutant: Mutant) -> None:
    """Plant a fault, before its module is imported."""
    assert mutant.module not in sys.modules, f"{mutant.module} is imported already"
    sys.meta_path.insert(0, _Finder(mutant))

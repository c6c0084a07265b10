"""What is simulated: small sessions, what may go wrong in them, and what must hold in the end."""

import logging
import uuid
from functools import lru_cache, partial
from itertools import count, groupby
from unittest import mock

import msgspec
from tests.integration.runtime.nodes import market, plain_log, small_nodes, stamper
from tests.simulation import world as w
from tests.simulation.appends import Appends, events
from tests.simulation.live import Live
from tests.simulation.loop import PROCESS, Process
from tests.simulation.parts import Group
from tests.simulation.reading import Reading
from tests.simulation.schedule import Schedule
from tests.simulation.world import World

from mm_bus import topology
from mm_core.events import RootEvent
from mm_core.types import IntegrityError
from mm_services.sequencer import appender
from mm_wire.codec import encode
from mm_wire.subjects import PAPER_EXCHANGE, QUOTER, RISK

NAMED = (
    getattr(appender, "LogTakenError", IntegrityError),
    IntegrityError,
)  # with which a process may stop when the log is not what it wrote
FEW = (PAPER_EXCHANGE, QUOTER)
ALL = tuple(topology.INPUTS)

CODE_LOGGERS = [logging.getLogger(name) for name in ("mm_bus", "mm_service", "mm_services")]


class WrongError(AssertionError):
    """The log, or what was read of it, is not what it must be."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A session of `size` events or roots, with its nodes and readers, and the faults that may happen in it.

    `faults_max`: in one random schedule. `share`: of all random schedules. `of_appends`: appenders without a sequencer;
    `pause_s`: between two of their events. `is_live`: a source that does not repeat itself.
    """

    name: str
    size: int
    faults: tuple[str, ...]
    nodes: tuple[str, ...] = ()
    of_appends: bool = False
    pause_s: float = 0.0
    is_live: bool = False
    reads: bool = False
    faults_max: int = 4
    share: int = 1


class Run(msgspec.Struct, frozen=True):
    """One schedule that was run: what went wrong, "" if nothing, and its trace if it was requested."""

    wrong: str
    happened: tuple[str, ...]
    schedule: Schedule
    trace: list[str]
    seconds: float
    log: list[bytes] = []


def run(scenario: Scenario, schedule: Schedule, *, traces: bool = False) -> Run:
    """Run one schedule of a scenario. Two runs of one schedule are the same."""
    nodes = scenario.nodes
    world = World(schedule, scenario.faults, traces=traces)
    with (
        mock.patch("mm_services.sequencer.appender.uuid.uuid4", partial(next, map(uuid_of, count(1)))),
        mock.patch("mm_services.sequencer.sequencer.subscribers", partial(_subscribers, nodes)),
    ):
        world.loop.enter()
        noting = _Noting(world)
        for logger in CODE_LOGGERS:
            logger.addHandler(noting)
        try:
            wrong = _outcome(scenario, world)
        finally:
            world.loop.leave()
            for logger in CODE_LOGGERS:
                logger.removeHandler(noting)
    world.note(wrong or "as it must be")
    log = [data for _, _, data in events(world)]
    return Run(wrong, tuple(world.happened), schedule, world.trace or [], world.loop.now_s, log)


class _Noting(logging.Handler):
    """Writes what the code logs into the trace."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        process = PROCESS.get()
        self._world.note(f"    {process.name if process else ''} {record.levelname}: {record.getMessage()}")


def uuid_of(number: int) -> uuid.UUID:
    """The name of the writer that is started as the so-manieth."""
    return uuid.UUID(int=number)


def _outcome(scenario: Scenario, world: World) -> str:
    session: Appends | Group
    if scenario.is_live:
        session = Live(world, scenario.size)
    elif scenario.of_appends:
        session = Appends(world, scenario.size, reads=scenario.reads, pause_s=scenario.pause_s)
    else:
        session = Group(world, market(scenario.size), scenario.nodes, reads=scenario.reads)
    session.begin()
    try:
        world.run(lambda: _has_stopped(world) or session.is_finished())
        if not _has_stopped(world):
            world.drain()
        _check(world, session)
    except (w.HangError, WrongError) as error:
        return f"{type(error).__name__.removesuffix('Error')}: {error}"
    return ""


def _has_stopped(world: World) -> bool:
    """True if a process stopped that must not, or one that had to since the log lost what it wrote."""
    return bool(world.loop.errors or world.failures) and (
        w.SHORTER in world.happened or bool(world.loop.errors) or not _may_fail(world)
    )


def _may_fail(world: World) -> bool:
    """One of two writers may stop, with the named error."""
    return (
        all(
            isinstance(error, NAMED) and w.SECOND in world.happened and _is_writer(process)
            for process, error in world.failures
        )
        and len(world.failures) <= 1
    )


def _is_writer(process: Process) -> bool:
    return process.name.endswith(("sequencer", "appender"))


def _check(world: World, session: "Appends | Group") -> None:
    if world.loop.errors:
        raise WrongError(f"an exception that no one caught: {world.loop.errors[0]}")
    for process, error in world.failures:
        if w.SHORTER in world.happened and isinstance(error, NAMED):
            return  # it stopped with the named error
        if not _may_fail(world):
            raise WrongError(f"{process.name} stopped: {type(error).__name__}: {error}")
    found = events(world)
    if isinstance(session, Live):
        if wrong := session.wrong():
            raise WrongError(wrong)
    elif isinstance(session, Group):
        _check_group(session, [data for _, _, data in found])
    else:
        _check_appends(world, session)
    _check_readers(session.reading, [(seq, data) for seq, _, data in found])


def _check_group(group: Group, found: list[bytes]) -> None:
    expected, states = offline(len(group.roots), group.names)
    if found != expected:
        place = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))  # noqa: B905
        raise WrongError(
            f"event {place} of the log is not the one of the roots ({len(found)} of {len(expected)} events)"
        )
    for name, state in states.items():
        if group.nodes[name].dump() != state:
            raise WrongError(f"{name} did not read every event once and in order")


def _check_appends(world: World, session: Appends) -> None:
    """Each writer's events once and in order, none behind those of a newer writer, all that it knows to be stored."""
    found = [(label.source, label.number) for _, label, _ in events(world)]
    blocks = [writer for writer, _ in groupby(label.writer for _, label, _ in events(world))]
    if len(blocks) != len(dict.fromkeys(blocks)):
        raise WrongError(f"writers alternate in the log: {blocks}")
    for name, writer in session.appenders.items():
        held = [number for source, number in found if source == name]
        if held != list(range(len(held))):
            raise WrongError(f"{name} has {held} in the log")
        has_failed = session.processes[name].error is not None
        if len(held) < session.count_of(name) and not has_failed:
            raise WrongError(f"{name} knows {writer.stored_seq} to be stored and lives, {len(held)} of its events are")


def _check_readers(reading: Reading, found: list[tuple[int, bytes]]) -> None:
    for name, took in reading.delivered.items():
        if took != found:
            raise WrongError(f"{name} was delivered {[seq for seq, _ in took]}, the log is {[seq for seq, _ in found]}")


@lru_cache
def offline(roots: int, names: tuple[str, ...]) -> tuple[list[bytes], dict[str, bytes]]:
    """The log of the first roots, and the states of the nodes behind it, as the offline loop makes them."""
    nodes = [node for node in small_nodes() if node.name in names]
    sent = market(ROOTS_MAX)[:roots]
    log = plain_log(sent, nodes) if nodes else stamped(sent)
    return log, {node.name: node.dump() for node in nodes}


ROOTS_MAX = 32


def stamped(roots: list[RootEvent]) -> list[bytes]:
    """The log of roots that no node reads."""
    stamps = stamper()
    return [encode(event) for root in roots for event in stamps.stamp(root)] + [
        encode(tick) for tick in stamps.finish()
    ]


@lru_cache
def _subscribers(names: tuple[str, ...], decide_on: str) -> dict[str, tuple[str, ...]]:
    found = topology.subscribers(decide_on)
    return {kind: tuple(name for name in inputs if name in names) for kind, inputs in found.items()}


NET = (w.LOSE, w.DOUBLE, w.CUT, w.LEADER, w.CRASH)
# Small: each alternative of each place, and each two of them.
SMALL = (
    Scenario(name="append", size=3, of_appends=True, faults=(*NET, w.REFUSE)),
    Scenario(name="append-kill", size=3, of_appends=True, faults=(w.KILL, w.CUT)),
    Scenario(name="writers", size=3, of_appends=True, faults=(w.SECOND, w.CUT, w.KILL)),
    Scenario(name="taken-over", size=3, of_appends=True, pause_s=0.06, faults=(w.CUT,)),
    Scenario(name="shorter", size=3, of_appends=True, faults=(w.SHORTER, w.CUT)),
    Scenario(name="read", size=2, of_appends=True, reads=True, faults=(w.LOSE, w.CUT, w.LEADER)),
    Scenario(name="intake", size=1, faults=(w.LOSE, w.CUT)),
    Scenario(name="intake-kill", size=1, faults=(w.KILL,)),
    Scenario(name="live-kill", size=1, is_live=True, faults=(w.KILL,)),
)
# Larger, by chance.
LARGE = (
    Scenario(name="appends", size=8, of_appends=True, reads=True, faults=(*NET, w.REFUSE, w.KILL), share=2),
    Scenario(name="two-writers", size=6, of_appends=True, reads=True, faults=(*NET, w.KILL, w.SECOND), share=3),
    Scenario(name="roots", size=5, faults=(*NET, w.REFUSE, w.KILL), share=3),
    Scenario(name="live", size=4, is_live=True, faults=(*NET, w.REFUSE, w.KILL), share=3),
    Scenario(name="group", size=3, nodes=FEW, faults=(*NET, w.REFUSE, w.KILL, w.SECOND), share=3),
    Scenario(name="group-read", size=3, nodes=(*FEW, RISK), reads=True, faults=(*NET, w.REFUSE, w.KILL)),
    Scenario(name="whole-group", size=3, nodes=ALL, faults=(*NET, w.KILL, w.SECOND)),
    Scenario(name="shorter-log", size=6, of_appends=True, reads=True, faults=(w.SHORTER, w.CUT, w.KILL)),
    Scenario(name="shorter-group", size=3, nodes=FEW, faults=(w.SHORTER, w.KILL, w.CUT)),
)
SCENARIOS = {scenario.name: scenario for scenario in (*SMALL, *LARGE)}

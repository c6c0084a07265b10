"""What a session on the bus is asked to do: from the options of `paper`, or from the folder of one that is to go on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mm_bus.nats_server import DATA
from mm_core.compiled import CORE_DIGEST, PLATFORM
from mm_core.setup.config import Config, to_config
from mm_core.types import NS_PER_S, InputError
from mm_service.settings import Settings, Store
from mm_service.sources import LIVE, REPLAY
from mm_session.sessions import BUS
from mm_store.session_file import SessionFile, inputs_of, read_session_file
from mm_store.ws_lines import WsLines
from mm_venues.defined import Defined

MANIFEST = "manifest.json"
RUNTIME = [name for name in Settings.__struct_fields__ if name not in Config.__struct_fields__]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is asked to do: `asked` stands in its folder too. Without `out` its folder is a temporary one.

    `settings` are those of all services; `source` as given, whose paths may be relative; `is_new`: not to go on with.
    """

    asked: SessionFile
    settings: Settings
    source: str
    out: Path | None
    is_new: bool = True

    @property
    def is_replay(self) -> bool:
        """Whether its frames come from recordings, with their times."""
        return self.source.startswith(REPLAY)

    @property
    def live_duration_ns(self) -> int:
        """Of a live session, at whose end the market may be silent; 0 of others, whose frames say when it is over."""
        return self.asked.duration_ns if self.source == LIVE else 0

    def services(self, folder: Path) -> Settings:
        """The settings of its services, whose files are in its folder."""
        store = msgspec.structs.asdict(self.settings.store)
        path = folder.resolve()
        own = {"path": str(path / "clickhouse"), "log": str(path), "session": self.asked.name}
        ticks = "market" if self.is_replay else "clock"
        bus = msgspec.structs.replace(self.settings.bus, ticks=ticks)
        return msgspec.structs.replace(self.settings, bus=bus, store=Store(**store | own))

    def recorder(self, folder: Path, done_ns: int) -> list[str]:
        """The options of its recorder; of a session by the clock that goes on, for what is left of its time."""
        asked, duration_ns = self.asked, self.asked.duration_ns
        if duration_ns and not self.is_new and not self.is_replay:
            duration_ns = max(duration_ns - done_ns, NS_PER_S)
        options = ["--source", self.source, "--speed", str(asked.speed), "--duration-ns", str(duration_ns)]
        if not self.is_replay:  # what did not come from a recording is recorded
            options += ["--frames", str(folder / "frames")]
        return [*options, *(["--salvage"] if asked.salvage else [])]


def new_order(
    source: str,
    lines: WsLines | None,
    defined: Defined,
    settings: Settings,
    notes: Sequence[str],
    out: Path | None,
    pace: tuple[float, int],
    begun_ns: int,
) -> Order:
    """A session that begins: its name is the instrument's and the time's."""
    sections: dict[str, Any] = msgspec.to_builtins(settings)
    begun = datetime.fromtimestamp(begun_ns / NS_PER_S, UTC)
    speed, duration_ns = pace
    asked = SessionFile(
        name=f"{defined.instrument.instrument_id}-{begun:%Y%m%dT%H%M%S}",
        command="paper",
        core_digest=CORE_DIGEST,
        platform=PLATFORM,
        instrument=defined.instrument,
        config={name: sections[name] for name in Config.__struct_fields__},
        runtime={name: sections[name] for name in RUNTIME},
        source=source.partition(":")[0],
        inputs=inputs_of(lines.paths) if lines else [],
        speed=speed,
        duration_ns=duration_ns,
        salvage=bool(lines and lines.salvage),
        begun_ns=begun_ns,
        tick_source=defined.tick_source,
        lot_source=defined.lot_source,
        notes=list(notes),
    )
    return Order(asked=asked, settings=settings, source=source, out=out)


def old_order(folder: Path, *, salvage: bool) -> Order:
    """A session that goes on, with what it was asked then. InputError if it cannot: no such session, other files."""
    asked = read_session_file(folder)
    asked.check(folder, CORE_DIGEST)
    if asked.platform != PLATFORM:
        note = f"another compiler, CPU or C library than before goes on: {PLATFORM}, not {asked.platform}"
        asked = msgspec.structs.replace(asked, platform=PLATFORM, notes=[*asked.notes, note])
    settings: Settings = to_config(asked.config | asked.runtime, Settings)
    if not settings.bus.url and not (folder / BUS / DATA).is_dir() and (folder / MANIFEST).exists():
        raise InputError(f"{folder}: the session has ended; expected one that was interrupted")
    if salvage:
        if asked.source == LIVE:
            raise InputError("--salvage: of recorded files; expected a session of a recording")
        asked = msgspec.structs.replace(asked, salvage=True)
    paths = ",".join(each.path for each in asked.inputs)
    source = f"{asked.source}:{paths}" if paths else asked.source
    return Order(asked=asked, settings=settings, source=source, out=folder, is_new=False)


def defined_of(asked: SessionFile) -> Defined:
    """The instrument of a session, and where its sizes came from."""
    return Defined(instrument=asked.instrument, tick_source=asked.tick_source, lot_source=asked.lot_source)

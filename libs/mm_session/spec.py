"""The specification of a session on the bus: from the options of `paper`, or from the folder of one to resume."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mm_bus.nats_server import DATA
from mm_core.compiled import CORE_DIGEST, PLATFORM
from mm_core.setup.config import Config, to_config
from mm_core.types import NS_PER_S, InputError
from mm_service.settings import Settings, StoreSettings
from mm_service.sources import LIVE, REPLAY
from mm_session.sessions import BUS
from mm_store.session_file import SessionFile, inputs_of, read_session_file
from mm_store.ws_lines import WsLines
from mm_venues.defined import Defined

MANIFEST = "manifest.json"
RUNTIME = [name for name in Settings.__struct_fields__ if name not in Config.__struct_fields__]


class SessionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The specification of a session: `file` is in its folder too. Without `out` its folder is a temporary one.

    `settings` are those of all services; `source` as given, whose paths may be relative; `is_new`: not resumed.
    """

    file: SessionFile
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
        """Of a live session, at whose end the market may be silent; 0 of others, whose frames end it."""
        return self.file.duration_ns if self.source == LIVE else 0

    def services(self, folder: Path) -> Settings:
        """The settings of its services, whose files are in its folder."""
        store = msgspec.structs.asdict(self.settings.store)
        path = folder.resolve()
        own = {"path": str(path / "clickhouse"), "log": str(path), "session": self.file.name}
        ticks = "market" if self.is_replay else "clock"
        bus = msgspec.structs.replace(self.settings.bus, ticks=ticks)
        return msgspec.structs.replace(self.settings, bus=bus, store=StoreSettings(**store | own))

    def recorder(self, folder: Path, done_ns: int) -> list[str]:
        """The options of its recorder; of a resumed session by the clock, for what is left of its time."""
        file, duration_ns = self.file, self.file.duration_ns
        if duration_ns and not self.is_new and not self.is_replay:
            duration_ns = max(duration_ns - done_ns, NS_PER_S)
        options = ["--source", self.source, "--speed", str(file.speed), "--duration-ns", str(duration_ns)]
        if not self.is_replay:  # what did not come from a recording is recorded
            options += ["--frames", str(folder / "frames")]
        return [*options, *(["--salvage"] if file.salvage else [])]


def new_spec(
    source: str,
    lines: WsLines | None,
    defined: Defined,
    settings: Settings,
    notes: Sequence[str],
    out: Path | None,
    pace: tuple[float, int],
    begun_ns: int,
) -> SessionSpec:
    """A session that begins: its name is the instrument's and the time's."""
    sections: dict[str, Any] = msgspec.to_builtins(settings)
    begun = datetime.fromtimestamp(begun_ns / NS_PER_S, UTC)
    speed, duration_ns = pace
    file = SessionFile(
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
    return SessionSpec(file=file, settings=settings, source=source, out=out)


def resumed_spec(folder: Path, *, salvage: bool) -> SessionSpec:
    """A session to resume, with its first options. InputError if it cannot be: no such session, other files."""
    file = read_session_file(folder)
    file.check(folder, CORE_DIGEST)
    if file.platform != PLATFORM:
        note = f"resumed with another compiler, CPU or C library than before: {PLATFORM}, not {file.platform}"
        file = msgspec.structs.replace(file, platform=PLATFORM, notes=[*file.notes, note])
    settings: Settings = to_config(file.config | file.runtime, Settings)
    if not settings.bus.url and not (folder / BUS / DATA).is_dir() and (folder / MANIFEST).exists():
        raise InputError(f"{folder}: the session has ended; expected one that was interrupted")
    if salvage:
        if file.source == LIVE:
            raise InputError("--salvage: of recorded files; expected a session of a recording")
        file = msgspec.structs.replace(file, salvage=True)
    paths = ",".join(each.path for each in file.inputs)
    source = f"{file.source}:{paths}" if paths else file.source
    return SessionSpec(file=file, settings=settings, source=source, out=folder, is_new=False)


def defined_of(file: SessionFile) -> Defined:
    """The instrument of a session, and where its sizes came from."""
    return Defined(instrument=file.instrument, tick_source=file.tick_source, lot_source=file.lot_source)

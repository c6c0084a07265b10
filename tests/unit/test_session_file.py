"""The specification of a session, as a file: complete, and enough to resume it."""

from pathlib import Path

import msgspec
import pytest

from mm_core.compiled import PLATFORM
from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_service.config import load_config, to_toml, without_settings
from mm_service.settings import Settings
from mm_session.folder import check_empty, new_folder
from mm_session.spec import defined_of, new_spec, resumed_spec
from mm_store.session_file import write_session_file
from mm_store.ws_lines import WsLines
from mm_venues.defined import Defined

INSTRUMENT = InstrumentDefined(
    instrument_id="binance.TEST", ts_ns=0, venue_symbol="TEST", tick_size="0.01", lot_size="0.001"
)
DEFINED = Defined(instrument=INSTRUMENT, tick_source="given by --tick", lot_source="inferred")
GIVEN = [
    *("quoter.order_qty_base=0.0015", "risk.loss_day_max_quote=12.5", "signals.executable_sizes_base=[0.1, 2.5]"),
    *(
        "clock.offset_ns=-17",
        "bus.book_top=false",
        'venue.ws_url=ws://x/\u00e4\\"',
        "fixed_spread.half_spread_ticks=1e-05",
    ),
]


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The folder of a session that was begun."""
    recording = tmp_path / "day.txt"
    recording.write_text("1790000000000000 {}\n")
    folder = tmp_path / "out"
    (folder / "bus" / "data").mkdir(parents=True)
    spec = new_spec(
        f"replay:{recording}",
        WsLines([recording]),
        DEFINED,
        load_config(None, GIVEN, {}),
        ["a note"],
        folder,
        (4.0, 60 * 10**9),
        1_790_000_000 * 10**9,
    )
    write_session_file(folder, spec.file)
    return folder


@pytest.mark.parametrize("given", [[], GIVEN], ids=["defaults", "given"])
def test_a_whole_configuration_as_a_file_reads_to_the_same(tmp_path: Path, given: list[str]) -> None:
    settings = load_config(None, given, {})
    path = tmp_path / "config.toml"
    path.write_text(to_toml(msgspec.to_builtins(settings)))
    assert load_config(path, (), {}) == settings


def test_the_environment_of_a_service_has_no_settings() -> None:
    environment = {"MM_BUS__GROUP": "x", "MM_STATE_DIR": "y", "PATH": "z"}
    assert without_settings(environment) == {"MM_STATE_DIR": "y", "PATH": "z"}


def test_what_was_asked_is_what_goes_on(begun: Path) -> None:
    spec = resumed_spec(begun, salvage=False)
    settings: Settings = load_config(None, GIVEN, {})
    assert spec.settings == settings
    assert spec.source == f"replay:{begun.parent / 'day.txt'}"
    assert (spec.file.speed, spec.file.duration_ns, spec.file.salvage) == (4.0, 60 * 10**9, False)
    assert spec.file.name == "binance.TEST-20260921T141320"
    assert (spec.is_new, spec.out, defined_of(spec.file)) == (False, begun, DEFINED)
    assert resumed_spec(begun, salvage=True).file.salvage
    assert "--salvage" in resumed_spec(begun, salvage=True).recorder(begun, 0)
    assert (begun / "session.json").stat().st_mode & 0o777 == 0o600


def test_a_session_by_the_clock_goes_on_for_what_is_left_of_its_time(begun: Path) -> None:
    spec = resumed_spec(begun, salvage=False)
    live = msgspec.structs.replace(spec, source="live")
    assert live.recorder(begun, 45 * 10**9)[5] == str(15 * 10**9)
    assert spec.recorder(begun, 45 * 10**9)[5] == str(60 * 10**9)  # a replay begins anew


def test_a_recording_that_is_another_one_now_is_refused(begun: Path) -> None:
    (begun.parent / "day.txt").write_text("1790000000000001 {}\n")
    with pytest.raises(InputError, match=r"day\.txt: not what the session .* has read so far; expected the same file"):
        resumed_spec(begun, salvage=False)


def test_a_session_of_another_core_is_refused(begun: Path) -> None:
    path = begun / "session.json"
    content = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode(content | {"core_digest": "0" * 64}))
    with pytest.raises(InputError, match="was begun by another version of what decides"):
        resumed_spec(begun, salvage=False)


def test_a_session_resumes_on_another_platform_and_notes_it(begun: Path) -> None:
    path = begun / "session.json"
    content = msgspec.json.decode(path.read_bytes())
    assert content["platform"] == PLATFORM
    path.write_bytes(msgspec.json.encode(content | {"platform": "numba 0, elsewhere"}))
    asked = resumed_spec(begun, salvage=False).file
    note = f"resumed with another compiler, CPU or C library than before: {PLATFORM}, not numba 0, elsewhere"
    assert (asked.platform, asked.notes) == (PLATFORM, ["a note", note])
    write_session_file(begun, asked)
    assert resumed_spec(begun, salvage=False).file == asked  # noted once


def test_a_session_that_was_killed_before_it_had_a_bus_begins(begun: Path) -> None:
    (begun / "bus" / "data").rmdir()
    assert resumed_spec(begun, salvage=False).out == begun


def test_a_session_that_has_ended_does_not_go_on(begun: Path) -> None:
    (begun / "bus" / "data").rmdir()
    (begun / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="the session has ended; expected one that was interrupted"):
        resumed_spec(begun, salvage=False)


def test_a_session_whose_bus_is_removed_resumes_from_its_log(begun: Path) -> None:
    (begun / "bus" / "data").rmdir()
    (begun / "log").mkdir()
    assert not resumed_spec(begun, salvage=False).is_new


def test_a_folder_with_nothing_but_a_lock_is_empty(tmp_path: Path) -> None:
    (tmp_path / "session.lock").write_text("1")
    check_empty("--out", tmp_path)
    with new_folder(tmp_path) as folder:
        assert folder.path == tmp_path
    assert list(tmp_path.iterdir()) == []  # what never began leaves nothing


def test_what_has_begun_stays(tmp_path: Path) -> None:
    with new_folder(tmp_path) as folder:
        (tmp_path / "session.json").write_text("{}")
        folder.has_begun = True
    with pytest.raises(InputError, match=r"holds session\.json; expected a new or empty folder, or `crypto-mm resume"):
        check_empty("--out", tmp_path)

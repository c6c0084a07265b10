"""The list of running sessions: a lock shows which is alive, and nothing in the list ends a command."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mm_bus.nats_server import make_passwords
from mm_bus.settings import BusSettings
from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_session.session_lock import SessionLock, holders, is_locked
from mm_session.sessions import Running, chosen, listed, running, the_session

INSTRUMENT = InstrumentDefined(
    instrument_id="binance.TEST", ts_ns=0, venue_symbol="TEST", tick_size="0.01", lot_size="0.001"
)
HOLDS = "import sys, time; from mm_session.session_lock import SessionLock; from pathlib import Path"


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("MM_STATE_DIR", str(tmp_path / "state"))


def a_session(folder: Path, name: str = "one", pid: int = 0) -> Running:
    """A session in a folder, of this process."""
    folder.mkdir(exist_ok=True)
    return Running(
        pid=pid or os.getpid(),
        url="nats://127.0.0.1:1",
        group="main",
        instrument=INSTRUMENT,
        config={},
        folder=str(folder),
        started_ns=1,
        name=name,
    )


def write(tmp_path: Path, session: Running, file: str) -> None:
    (tmp_path / "state" / file).write_bytes(msgspec.json.encode(session))


def test_a_session_is_found_by_name_folder_and_symbol_while_its_lock_is_held(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    session = a_session(folder)
    lock = SessionLock(folder)
    with listed(session):
        for found in (
            the_session(),
            the_session(symbol="TEST"),
            the_session(session="one"),
            the_session(session=str(folder)),
        ):
            assert found.name == "one"
        with pytest.raises(InputError, match="no session two runs on this machine"):
            the_session(session="two")
        lock.release()
        assert chosen() == []


def test_a_process_id_that_somebody_else_has_now_is_no_session(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "out"
    write(tmp_path, a_session(folder), "1.json")  # our own process id, but nobody holds the folder
    (folder / "session.json").write_text("{}")
    with caplog.at_level(logging.WARNING):
        assert running() == []
    assert f"one was killed: crypto-mm resume --session {folder}" in caplog.text
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b'{"pid": 12', b"\xff\xfe", b"[]"], ids=["empty", "torn", "bytes", "foreign"])
def test_a_file_that_is_no_entry_is_left_out_with_a_warning(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "out"
    torn = tmp_path / "state" / "0.json"
    torn.write_bytes(content)
    session = a_session(folder)
    lock = SessionLock(folder)
    with listed(session), caplog.at_level(logging.WARNING):
        assert [each.name for each in running()] == ["one"]
    lock.release()
    assert len([line for line in caplog.messages if str(torn) in line]) == 1
    assert torn.exists()


def test_a_session_in_containers_has_no_process_and_no_lock(tmp_path: Path) -> None:
    write(tmp_path, msgspec.structs.replace(a_session(tmp_path / "session"), pid=0), "session.json")
    assert [each.pid for each in running()] == [0]


def test_of_two_sessions_one_is_to_be_chosen(tmp_path: Path) -> None:
    locks = []
    for number, name in enumerate(("one", "two")):
        write(tmp_path, a_session(tmp_path / name, name), f"{number}.json")
        locks.append(SessionLock(tmp_path / name))
    with pytest.raises(InputError, match="2 sessions run: one, two; expected --session or --symbol to choose one"):
        the_session()
    assert the_session(session="two").folder == str(tmp_path / "two")
    for lock in locks:
        lock.release()


def test_the_operator_logs_in_by_the_secrets_of_the_session(tmp_path: Path) -> None:
    session = a_session(tmp_path / "out")
    assert session.login(BusSettings()).user == ""
    passwords = make_passwords(tmp_path / "out" / "bus" / "secrets", ["operator", "risk"])
    login = session.login(BusSettings())
    assert (login.user, login.password) == ("operator", passwords["operator"])
    assert make_passwords(tmp_path / "out" / "bus" / "secrets", ["operator", "risk"]) == passwords
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out" / "bus" / "secrets").iterdir()}
    assert modes == {"operator": 0o600, "risk": 0o600}
    assert (tmp_path / "out" / "bus" / "secrets").stat().st_mode & 0o777 == 0o700


def test_a_second_command_on_a_folder_is_refused(tmp_path: Path) -> None:
    code = f"{HOLDS}; lock = SessionLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_locked(tmp_path)
        assert holders(tmp_path / "session.lock") == [process.pid]
        with pytest.raises(InputError, match=f"process {process.pid} works on it; expected one command a session"):
            SessionLock(tmp_path)
        process.kill()
    SessionLock(tmp_path).release()


def test_what_a_killed_command_left_behind_holds_the_folder_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_session.session_lock.PROBE_S", 0.1)
    monkeypatch.setattr("mm_session.session_lock.LEFT_S", 0.3)
    child = "import subprocess; child = subprocess.Popen(['sleep', '60'], pass_fds=[lock.file.fileno()])"
    code = f"{HOLDS}; lock = SessionLock(Path(sys.argv[1])); {child}; print(child.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = int(process.stdout.readline())
        process.kill()
    with pytest.raises(InputError, match=f"a session that ended left processes behind: {left}; end them first"):
        SessionLock(tmp_path)
    os.kill(left, signal.SIGKILL)
    monkeypatch.undo()  # it ends within its time
    SessionLock(tmp_path).release()

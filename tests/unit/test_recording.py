"""A recording on a disk that fills up and gets room again, one recorder a folder, and days that follow each other."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from mm_core.types import NS_PER_S, InputError
from mm_store.frames import DAY_NS, FrameWriter, UnwritableError
from mm_store.recording import FolderLock, Recording
from mm_store.ws_lines import WsLines
from mm_venues import control

FIRST_NS = 1_790_000_000_000_000_000
MIDNIGHT_NS = (FIRST_NS // DAY_NS + 1) * DAY_NS


class Disk(FileIO):
    """A file on a disk that may be full: then it takes half of what it is given, once, and can even cut nothing off."""

    code = 0
    is_dead = False

    def write(self, data: Any) -> int:
        """As a file does, until the disk is full."""
        if Disk.code:
            super().write(data[: len(data) // 2])
            raise OSError(Disk.code, os.strerror(Disk.code))
        return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        """As a file does, unless the disk is dead."""
        if Disk.is_dead:
            raise OSError(Disk.code, os.strerror(Disk.code))
        return super().truncate(size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> type[Disk]:
    """Every file of a FrameWriter is on this disk."""
    monkeypatch.setattr(Disk, "code", 0)
    monkeypatch.setattr(Disk, "is_dead", False)
    monkeypatch.setattr("mm_store.frames.FileIO", Disk)
    return Disk


def read(folder: Path) -> list[bytes]:
    """All frames that can be read."""
    return [frame.rstrip(b"\n") for _, frame in WsLines(sorted(folder.glob("*.ws.gz")))]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("is_dead", [False, True], ids=["cut off", "torn"])
def test_a_disk_that_takes_nothing_costs_frames_and_leaves_a_line_behind(
    tmp_path: Path, disk: type[Disk], code: int, is_dead: bool
) -> None:
    now_s, begins = 0.0, []
    recording = Recording(tmp_path, "ETHUSDT", lambda: begins.append(now_s), lambda: now_s)
    for at in range(60):
        now_s = float(at)
        disk.code = code if 10 <= at < 30 else 0
        disk.is_dead = is_dead and 10 <= at < 30
        recording.write(FIRST_NS + at * NS_PER_S, b'{"at":%d}' % at)
        assert recording.is_failing == (10 <= at < 30)
    recording.close()
    written = read(tmp_path)
    hole = next(frame for frame in written if b"crypto_mm" in frame)
    reason = f"frames not recorded for 20.0 s: {os.strerror(code)}"
    assert control.read(hole) == control.Disconnected("disconnected", reason)
    # What waited for its member when the disk was full is lost too: frame 9, which 10 was to flush.
    expected = [b'{"at":%d}' % at for at in range(60) if not 9 <= at < 30]
    assert written == [*expected[:9], hole, *expected[9:]]
    assert (recording.frames_lost, begins) == (21, [30.0])


def test_a_disk_that_is_full_at_the_start_is_a_hole_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    now_s = 0.0
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", full)
        recording = Recording(tmp_path / "new", "ETHUSDT", clock_s=lambda: now_s)
        for at in range(3):
            now_s = float(at)
            recording.write(FIRST_NS + at, b"{}")
    now_s = 5.0
    recording.flush()
    recording.write(FIRST_NS + 9, b'{"at":9}')
    recording.close()
    assert recording.frames_lost == 3
    hole, frame = read(tmp_path / "new")
    assert b"frames not recorded for 5.0 s: No space left on device" in hole
    assert frame == b'{"at":9}'


def test_a_folder_that_can_be_none_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"file.*: cannot be written: .*; expected a writable folder"):
        Recording(tmp_path / "file", "ETHUSDT")


def test_a_second_recorder_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    first = Recording(tmp_path, "ETHUSDT")
    with pytest.raises(InputError, match=rf"another recorder, process {os.getpid()}, writes to it"):
        Recording(tmp_path, "ETHUSDT")
    Recording(tmp_path, "BTCUSDT").close()  # another symbol's may share it
    first.close()
    assert list(tmp_path.iterdir()) == []
    Recording(tmp_path, "ETHUSDT").close()


def test_the_lock_of_a_killed_recorder_is_taken_over(tmp_path: Path) -> None:
    held = "import sys, time; from pathlib import Path; from mm_store.recording import FolderLock\n"
    held += "lock = FolderLock(Path(sys.argv[1]), 'ETHUSDT'); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", held, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=f"process {process.pid}, writes to it"):
            FolderLock(tmp_path, "ETHUSDT")
        process.send_signal(signal.SIGKILL)
    lock = FolderLock(tmp_path, "ETHUSDT")
    assert (tmp_path / ".recording_ETHUSDT").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_no_frame_of_a_burst_over_midnight_is_lost_doubled_or_in_the_wrong_file(tmp_path: Path) -> None:
    begins: list[int] = []
    recording = Recording(tmp_path, "ETHUSDT", lambda: begins.append(len(begins)))
    times = [MIDNIGHT_NS + at for at in range(-3_000, 3_000)]
    for recv_ns in times:
        recording.write(recv_ns, b'{"at":%d}' % recv_ns)
    recording.close()
    today, tomorrow = sorted(tmp_path.glob("*.ws.gz"))
    assert [recv_ns for recv_ns, _ in WsLines([today])] == times[:3_000]
    assert [recv_ns for recv_ns, _ in WsLines([tomorrow])] == times[3_000:]
    assert begins == [0]  # the new day's file needs a snapshot of its own


def test_a_frame_that_was_not_flushed_is_known_to_be_lost(tmp_path: Path, disk: type[Disk]) -> None:
    writer = FrameWriter(tmp_path, "ETHUSDT")
    for at in range(5):
        writer.write(FIRST_NS + at, b"{}")
    disk.code = errno.ENOSPC
    with pytest.raises(UnwritableError) as failed:
        writer.flush()
    assert (failed.value.frames, failed.value.is_transient) == (5, True)
    disk.code = 0
    writer.close()


@pytest.mark.parametrize("what", ["folder", "file", "replaced"])
def test_what_is_removed_under_a_recorder_is_noticed_at_the_next_flush(tmp_path: Path, what: str) -> None:
    now_s, folder = 0.0, tmp_path / "frames"
    recording = Recording(folder, "ETHUSDT", clock_s=lambda: now_s)
    for at in range(5):
        recording.write(FIRST_NS + at, b'{"at":%d}' % at)
    recording.flush()
    recording.write(FIRST_NS + 5, b'{"at":5}')
    [path] = folder.glob("*.ws.gz")
    if what == "folder":
        shutil.rmtree(folder)
    else:
        path.unlink()
    if what == "replaced":
        path.write_bytes(b"")
    recording.flush()
    assert recording.is_failing
    recording.write(FIRST_NS + 6, b'{"at":6}')
    assert recording.frames_lost == 7  # those in the file, the one that waited, the one behind it
    now_s = 2.0
    recording.flush()
    recording.write(FIRST_NS + 7, b'{"at":7}')
    recording.close()
    hole, frame = read(folder)
    assert control.read(hole).reason == "frames not recorded for 2.0 s: removed while it was written"
    assert frame == b'{"at":7}'
    assert not recording.is_failing
    assert recording.failure == (
        f"7 frames were not recorded: {path}: cannot be written: removed while it was written; expected a writable "
        "folder"
    )


def test_a_folder_that_is_removed_at_the_very_end_is_a_failure(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "frames", "ETHUSDT")
    recording.write(FIRST_NS, b"{}")
    recording.flush()
    shutil.rmtree(tmp_path / "frames")
    recording.close()
    assert recording.failure.startswith("1 frames were not recorded: ")


def test_a_removed_folder_that_another_recorder_has_now_stays_its_own(tmp_path: Path) -> None:
    now_s, folder = 0.0, tmp_path / "frames"
    first = Recording(folder, "ETHUSDT", clock_s=lambda: now_s)
    first.write(FIRST_NS, b'{"of":1}')
    first.flush()
    shutil.rmtree(folder)
    second = Recording(folder, "ETHUSDT")
    second.write(FIRST_NS, b'{"of":2}')
    for at in range(1, 5):
        now_s = float(at)
        first.flush()
        first.write(FIRST_NS + at, b'{"of":1}')
    first.close()
    with pytest.raises(InputError, match="another recorder"):
        Recording(folder, "ETHUSDT")
    second.close()
    assert read(folder) == [b'{"of":2}']
    assert (first.frames_lost, second.failure) == (5, "")


def test_a_lock_that_is_removed_is_taken_again(tmp_path: Path) -> None:
    recording = Recording(tmp_path, "ETHUSDT")
    recording.write(FIRST_NS, b"{}")
    (tmp_path / ".recording_ETHUSDT").unlink()
    recording.flush()
    with pytest.raises(InputError, match=f"another recorder, process {os.getpid()}"):
        Recording(tmp_path, "ETHUSDT")
    recording.close()
    assert recording.failure == ""

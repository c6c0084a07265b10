"""Recorded frames on disk: what was flushed can be read, however the recorder ended."""

import gzip
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mm_core.types import NS_PER_S, InputError
from mm_store import frames
from mm_store.frames import FrameWriter, mend
from mm_store.ws_lines import WsLines

NOON_NS = 1_790_000_000_000_000_000  # 2026-09-21, early afternoon UTC
DAY = "ETHUSDT_20260921.ws.gz"
MIDNIGHT_NS = (NOON_NS // frames.DAY_NS + 1) * frames.DAY_NS


def record(folder: Path, *lines: tuple[int, bytes]) -> None:
    """Write these in one go."""
    with FrameWriter(folder, "ETHUSDT") as writer:
        for recv_ns, frame in lines:
            writer.write(recv_ns, frame)


def read(folder: Path) -> list[tuple[int, bytes]]:
    """All that can be read."""
    return [(recv_ns, frame.rstrip(b"\n")) for recv_ns, frame in WsLines(sorted(folder.iterdir()))]


def seconds(count: int, begin: int = 0) -> list[tuple[int, bytes]]:
    """A frame for each second."""
    return [(NOON_NS + at * NS_PER_S, b'{"at":%d}' % at) for at in range(begin, begin + count)]


def test_frames_come_back_byte_for_byte(tmp_path: Path) -> None:
    lines = [(NOON_NS + at, frame) for at, frame in enumerate((b"{}", b" { } ", b'"\xff\r"', b"", b"x" * 3_000_000))]
    record(tmp_path / "new" / "folder", *lines)
    assert read(tmp_path / "new" / "folder") == lines
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [DAY]


def test_a_newline_in_a_frame_becomes_a_space(tmp_path: Path) -> None:
    record(tmp_path, (NOON_NS, b'{"a":\n1}\n'), (NOON_NS, b"{}"))
    assert read(tmp_path) == [(NOON_NS, b'{"a": 1} '), (NOON_NS, b"{}")]


def test_each_utc_day_has_a_file_and_a_clock_that_steps_back_does_not_return_to_it(tmp_path: Path) -> None:
    around = [(MIDNIGHT_NS + shift, b"%d" % shift) for shift in (-1, 0, -NS_PER_S, 5)]
    record(tmp_path, *around)
    days = {path.name: [frame.rstrip() for _, frame in WsLines([path])] for path in sorted(tmp_path.iterdir())}
    assert days == {DAY: [b"-1"], "ETHUSDT_20260922.ws.gz": [b"0", b"-1000000000", b"5"]}


def test_a_second_writer_continues_where_the_first_ended(tmp_path: Path) -> None:
    record(tmp_path, *seconds(3))
    record(tmp_path, *seconds(3, 3))
    assert read(tmp_path) == seconds(6)


def test_at_most_the_last_second_is_not_on_disk(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path, "ETHUSDT")
    for recv_ns, frame in seconds(10):
        writer.write(recv_ns, frame)
    assert read(tmp_path) == seconds(9)
    writer.flush()
    assert read(tmp_path) == seconds(10)
    writer.write(NOON_NS - 3_600 * NS_PER_S, b"the clock stepped back")
    writer.write(NOON_NS - 3_599 * NS_PER_S, b"and runs on")
    assert len(read(tmp_path)) == 11
    writer.close()


def test_much_in_one_second_does_not_stay_in_memory(tmp_path: Path) -> None:
    with FrameWriter(tmp_path, "ETHUSDT") as writer:
        for at in range(3_000):
            writer.write(NOON_NS, b"%d" % at + b"x" * 1_000)
        assert len(read(tmp_path)) > 1_500


PROGRAM = """
import itertools, sys
from pathlib import Path
from mm_store.frames import FrameWriter
writer = FrameWriter(Path(sys.argv[1]), "ETHUSDT")
for at in itertools.count():
    writer.write(1_790_000_000_000_000_000 + at * 200_000, b"%d " % at + b"x" * (at % 400))
    if at % 20_000 == 0:
        print(at, flush=True)
"""


def test_what_a_killed_recorder_has_flushed_is_read(tmp_path: Path) -> None:
    flushed = 0
    for kill in range(4):
        begin = len(read(tmp_path)) if kill else 0
        with subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path], stdout=subprocess.PIPE) as recorder:
            assert recorder.stdout is not None
            for line in itertools.islice(recorder.stdout, 2 + kill):
                flushed = int(line)
            recorder.send_signal(signal.SIGKILL)
        FrameWriter(tmp_path, "ETHUSDT").close()  # a restart mends what the kill tore
        since = read(tmp_path)[begin:]
        assert [int(frame.split()[0]) for _, frame in since] == list(range(len(since)))
        assert len(since) > flushed - 5_001  # a second has 5,000


@pytest.mark.parametrize("left", [1, 5, 9, 11, 20, -1, -9])
def test_a_torn_end_is_cut_off_and_recording_continues(tmp_path: Path, left: int) -> None:
    record(tmp_path, *seconds(5))
    whole = (tmp_path / DAY).read_bytes()
    record(tmp_path, *seconds(1, 5))
    last = (tmp_path / DAY).read_bytes()[len(whole) :]
    (tmp_path / DAY).write_bytes(whole + last[:left])
    with pytest.raises(InputError, match=r"damaged gzip after line [56]"):
        read(tmp_path)
    record(tmp_path, *seconds(2, 6))
    assert read(tmp_path) == seconds(5) + seconds(2, 6)


@pytest.mark.parametrize("end", [bytes(5_000), b"\x1f\x8b\x08" + bytes(5_000), b"\x1f\x8b\x08" + b"x" * 5_000])
def test_an_end_that_a_power_cut_left_unwritten_is_cut_off(tmp_path: Path, end: bytes) -> None:
    record(tmp_path, *seconds(5))
    size = (tmp_path / DAY).stat().st_size
    with (tmp_path / DAY).open("ab") as file:
        file.write(end)
    assert mend(tmp_path / DAY) == len(end)
    assert (tmp_path / DAY).stat().st_size == size
    assert mend(tmp_path / DAY) == 0


@pytest.mark.parametrize("left", [0, 1, 9, 15])
def test_a_file_of_which_nothing_is_whole_is_removed(tmp_path: Path, left: int) -> None:
    record(tmp_path, *seconds(1))
    os.truncate(tmp_path / DAY, left)
    FrameWriter(tmp_path, "ETHUSDT").close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_left_alone_with_one_clear_line(tmp_path: Path) -> None:
    other = gzip.compress(b"1790000000000000000 {}\n", mtime=1_790_000_000)
    (tmp_path / DAY).write_bytes(other)
    with pytest.raises(InputError, match=rf"{DAY}: no recorded frames in its last \d+ bytes; expected it moved away"):
        FrameWriter(tmp_path, "ETHUSDT")
    assert (tmp_path / DAY).read_bytes() == other


def test_only_the_last_file_of_the_symbol_is_mended(tmp_path: Path) -> None:
    record(tmp_path, *seconds(1))
    for name in ("ETHUSDT_20260920.ws.gz", "ETHUSDT2_20260921.ws.gz", "ETHUSDT_notes.ws.gz"):
        (tmp_path / name).write_bytes(b"not ours")
    record(tmp_path, *seconds(1, 1))
    assert [frame.rstrip() for _, frame in WsLines([tmp_path / DAY])] == [frame for _, frame in seconds(2)]


def test_a_folder_that_cannot_be_one_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"file.*: cannot be written: .*; expected a writable folder"):
            FrameWriter(folder, "ETHUSDT")


def test_a_full_disk_is_one_clear_line_and_leaves_whole_members(tmp_path: Path) -> None:
    full = f"""
import resource, signal, sys
from pathlib import Path
from mm_core.types import InputError
from mm_store.frames import FrameWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
import random
chance = random.Random(7)
try:
    with FrameWriter(Path(sys.argv[1]), "ETHUSDT") as writer:
        for at in range(100):
            writer.write({NOON_NS} + at * {NS_PER_S}, b"%d " % at + chance.randbytes(1_500).hex().encode())
except InputError as error:
    print(error)
"""
    printed = subprocess.run(
        [sys.executable, "-c", full, tmp_path], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert printed == f"{tmp_path / DAY}: cannot be written: File too large; expected a writable folder\n"
    stored = [int(frame.split()[0]) for _, frame in read(tmp_path)]
    assert stored == list(range(len(stored)))
    assert 5 < len(stored) < 20

"""A log on disk: what was flushed is there, whatever happens to its writer; what is not as written is named."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_core import events as e
from mm_core.types import InputError, IntegrityError, UnavailableError
from mm_store.log_file import LogWriter, writing_log
from mm_store.log_read import OLD_FILE, log_files, read_log, read_records
from mm_store.log_repair import set_aside_damage
from mm_wire.chain import FIRST, Record, name_of
from mm_wire.codec import encode

ROOT = Path(__file__).parents[2]

Change = Callable[[list[Record]], list[Record]]


def records(count: int, first_seq: int = 1) -> list[Record]:
    """Records that follow from one another, a fence first and again now and then."""
    made, before = [], FIRST
    for seq in range(first_seq, first_seq + count):
        label = "" if seq % 7 == first_seq % 7 else f"recorder:{seq}:0 {seq} w"
        data = b"writer" if not label else encode(e.Tick(ts_ns=seq, recv_ns=seq, local_ns=seq, root_seq=seq))
        made.append(Record(seq, label, name_of(before, label, data), data))
        before = made[-1].name
    return made


def write(folder: Path, log: list[Record], each: int = 4, **options: int) -> None:
    """A log in frames of `each` records."""
    with LogWriter(folder, **options) as writer:
        for record in log:
            writer.append(record)
            if record.seq % each == 0:
                writer.flush()


def test_a_log_is_read_from_anywhere(tmp_path: Path) -> None:
    log = records(50)
    write(tmp_path, log, file_bytes=1_000)
    assert len(log_files(tmp_path)) > 3
    assert list(read_records(tmp_path)) == log
    assert [list(read_records(tmp_path, seq)) for seq in range(1, 52)] == [log[seq - 1 :] for seq in range(1, 52)]
    assert len(list(read_log(tmp_path))) == sum(not record.is_fence for record in log)


def test_a_writer_continues_where_the_last_one_ended(tmp_path: Path) -> None:
    log = records(30)
    write(tmp_path, log[:17])
    with LogWriter(tmp_path) as writer:
        assert (writer.next_seq, writer.last_name) == (18, log[16].name)
        for record in log[17:]:
            writer.append(record)
        assert (writer.flushed.next_seq, writer.synced.next_seq) == (18, 18)
        writer.flush()
        assert (writer.flushed.next_seq, writer.synced.next_seq) == (31, 18)
        writer.sync()
        assert (writer.synced.next_seq, writer.synced.last_name) == (31, log[-1].name)
    assert list(read_records(tmp_path)) == log


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of one file."""
    folder = tmp_path_factory.mktemp("whole")
    write(folder, records(20))
    return folder


def _copied(folder: Path, whole: Path, data: bytes) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "log").mkdir(parents=True)
    (folder / "log" / log_files(whole)[0].name).write_bytes(data)
    return folder


def test_any_beginning_of_a_file_is_a_beginning_of_the_log(whole: Path, tmp_path: Path) -> None:
    log, data = records(20), log_files(whole)[0].read_bytes()
    lengths = []
    for size in range(len(data) + 1):
        found = list(read_records(_copied(tmp_path / "cut", whole, data[:size])))
        assert found == log[: len(found)]
        lengths.append(len(found))
    assert all(one <= other for one, other in pairwise(lengths))
    assert sorted({*lengths}) == [0, 4, 8, 12, 16, 20]
    ends = [at for at in range(1, len(data)) if lengths[at - 1] < lengths[at]]
    for size in {0, *(end + by for end in ends for by in (-1, 0, 1, 7))}:
        folder = _copied(tmp_path / "cut", whole, data[:size])
        with LogWriter(folder) as writer:
            assert writer.next_seq == lengths[size] + 1
            for record in log[lengths[size] :]:
                writer.append(record)
        assert list(read_records(folder)) == log


@settings(max_examples=300)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_named(whole: Path, tmp_path_factory: pytest.TempPathFactory, place: float, bit: int) -> None:
    log, data = records(20), bytearray(log_files(whole)[0].read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    folder = _copied(tmp_path_factory.getbasetemp() / "flipped", whole, bytes(data))
    found = list[Record]()
    with pytest.raises(IntegrityError, match=r"events_000000000001\.msgpack\.zst: damaged from (1|5|9|13|17) on"):
        found.extend(read_records(folder))
    assert found == log[: len(found)]
    if len(found) < 16:  # not the last frame
        with pytest.raises(IntegrityError, match="damaged from"):
            LogWriter(folder)
        assert (folder / "log" / log_files(whole)[0].name).read_bytes() == bytes(data)
        return
    with LogWriter(folder) as writer:
        assert writer.next_seq == len(found) + 1


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda log: log[:9] + log[10:], "record 11 stands where 10 should"),
        (lambda log: log[:10] + log[9:], "record 10 stands where 11 should"),
        (lambda log: [*log[:9], log[9]._replace(data=b"x"), *log[10:]], "record 10 is not what its name promises"),
        (lambda log: [*log[:8], log[9]._replace(seq=9), log[8]._replace(seq=10), *log[10:]], "record 9 is not what"),
    ],
)
def test_a_log_that_is_no_chain_is_named(tmp_path: Path, change: Change, wrong: str) -> None:
    with LogWriter(tmp_path) as writer:
        for record in change(records(20)):
            writer.next_seq = record.seq
            writer.append(record)
    with pytest.raises(IntegrityError, match=wrong):
        list(read_records(tmp_path))


def test_a_missing_or_torn_file_between_others_is_named(tmp_path: Path) -> None:
    write(tmp_path, records(50), file_bytes=500)
    first, second, third, *_ = log_files(tmp_path)
    data = second.read_bytes()
    second.write_bytes(data[:-3])
    with pytest.raises(IntegrityError, match=f"{second.name}: damaged from"):
        list(read_records(tmp_path))
    second.unlink()
    with pytest.raises(IntegrityError, match=f"{third.name}: begins at .*; {int(second.name[7:19])} is missing"):
        list(read_records(tmp_path))
    first.unlink()
    with pytest.raises(IntegrityError, match="; 1 is missing"):
        list(read_records(tmp_path, 1))


def test_one_writer_to_a_log(tmp_path: Path) -> None:
    with LogWriter(tmp_path), pytest.raises(InputError, match=f"process {os.getpid()} writes the log in it"):
        LogWriter(tmp_path)
    LogWriter(tmp_path).close()


@pytest.mark.parametrize("part", ["", "log"])
def test_a_folder_that_is_removed_is_noticed(tmp_path: Path, part: str) -> None:
    folder = tmp_path / "session"
    log = records(9)
    writer = LogWriter(folder)
    for record in log[:4]:
        writer.append(record)
    writer.flush()
    writer.sync()
    shutil.rmtree(folder / part)
    if part:
        write(folder, log[:2])
    writer.append(log[4])
    with pytest.raises(IntegrityError, match="log was deleted or replaced while it was written, up to 4"):
        writer.flush()
    with pytest.raises(IntegrityError, match="log was deleted or replaced"):
        writer.close()


def test_a_full_disk_takes_nothing_and_later_all(tmp_path: Path) -> None:
    log = records(2_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with LogWriter(tmp_path) as writer:
            for record in log[:1_000]:
                writer.append(record)
            writer.flush()
            size = log_files(tmp_path)[0].stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
            for record in log[1_000:]:
                writer.append(record)
            for _ in range(2):
                with pytest.raises(UnavailableError, match="cannot be written: File too large"):
                    writer.flush()
                assert log_files(tmp_path)[0].stat().st_size == size
                assert list(read_records(tmp_path)) == log[:1_000]
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            writer.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(read_records(tmp_path)) == log


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from mm_store.log_file import LogWriter
from tests.unit.test_log_file import records
log = records(40_000)
with LogWriter(Path(sys.argv[1]), 50_000) as writer:
    for record in log[writer.next_seq - 1:]:
        writer.append(record)
        if record.seq % 37 == 0:
            writer.flush()
            if record.seq % 5 == 0:
                writer.sync()
                print(writer.synced.next_seq - 1, flush=True)
"""


def test_a_killed_writer_leaves_what_it_has_synced(tmp_path: Path) -> None:
    log, stored = records(40_000), 0
    for kill_at in (3, 11, 2, 40, 7):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(ROOT)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for number, line in enumerate(process.stdout):
                stored = int(line)
                if number == kill_at:
                    process.kill()
        found = list(read_records(tmp_path))
        assert len(found) >= stored > 0
        assert found == log[: len(found)]


def test_a_log_of_events_alone_is_read_back_and_not_written_over(tmp_path: Path) -> None:
    ticks = [e.Tick(ts_ns=n, recv_ns=n, local_ns=n, root_seq=n) for n in range(1, 9)]
    with writing_log(tmp_path) as take:
        for tick in ticks:
            take(tick)
    assert list(read_log(tmp_path)) == ticks
    with pytest.raises(InputError, match="holds a log"), writing_log(tmp_path):
        pass


def test_a_folder_that_cannot_be_one_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        LogWriter(tmp_path / "file" / "session")
    with pytest.raises(InputError, match="no log in it"):
        list(read_records(tmp_path))


def test_a_log_of_the_form_before_stays_readable(tmp_path: Path) -> None:
    ticks = [e.Tick(ts_ns=n, recv_ns=n, local_ns=n, root_seq=n) for n in range(1, 9)]
    data = [encode(tick) for tick in ticks]
    file = tmp_path / OLD_FILE
    file.parent.mkdir()
    file.write_bytes(
        pa.compress(b"".join(b"\xc6" + len(each).to_bytes(4) + each for each in data), "zstd").to_pybytes()
    )
    assert list(read_log(tmp_path)) == ticks
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(IntegrityError, match="expected a log as a session writes it"):
        list(read_log(tmp_path))


@pytest.mark.parametrize("place", ["first", "middle", "hole"])
def test_a_damaged_log_is_made_whole_up_to_its_damage_and_nothing_is_lost(tmp_path: Path, place: str) -> None:
    log = records(200)
    write(tmp_path, log, file_bytes=1_000)
    assert set_aside_damage(tmp_path) == ""
    files = log_files(tmp_path)
    damaged = files[0 if place == "first" else 2]
    stored = {path.name: path.read_bytes() for path in files}
    if place == "hole":
        damaged.unlink()
    else:
        data = bytearray(damaged.read_bytes())
        data[70 if place == "first" else len(data) // 2] ^= 4
        damaged.write_bytes(data)
    problem = set_aside_damage(tmp_path)
    assert (f"begins at {int(files[3].name[7:19])}" if place == "hole" else f"{damaged.name}: damaged from") in problem
    with LogWriter(tmp_path) as writer:
        assert (writer.next_seq == 1) == (place == "first")
        for record in log[writer.next_seq - 1 :]:
            writer.append(record)
    assert list(read_records(tmp_path)) == log
    aside = {path.name for path in (tmp_path / "log").glob("*.damaged")}
    begin = {"first": 0, "middle": 2, "hole": 3}[place]
    assert aside == {f"{name}.damaged" for name in sorted(stored)[begin:]}

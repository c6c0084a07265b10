"""Recorded files, complete and damaged."""

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest

from mm_core.types import InputError
from mm_store.ws_lines import BAD_FRAME, LINE_BYTES_MAX, NO_TIME, TOO_LONG, TORN_GZIP, WsLines
from mm_venues.frame_error import FrameError

NS, US = b"1790000000123456789", b"1790000000123456"


def write(path: Path, content: bytes) -> Path:
    """A file of that content, gzipped if its name ends so."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def test_files_are_read_in_order_with_times_in_us_or_ns(tmp_path: Path) -> None:
    first = write(tmp_path / "a.gz", US + b' {"a": 1}\n')
    second = write(tmp_path / "b.txt", NS + b' {"b": 2}\n' + NS + b' {"c":3}')
    lines = WsLines([first, second])
    expected = [
        (1_790_000_000_123_456_000, b'{"a": 1}'),
        (1_790_000_000_123_456_789, b'{"b": 2}'),
        (1_790_000_000_123_456_789, b'{"c":3}'),
    ]
    assert [(recv_ns, frame.rstrip()) for recv_ns, frame in lines] == expected
    assert lines.bytes_read == lines.bytes_total
    assert len(list(lines)) == 3


def test_gzip_is_known_by_its_content_too(tmp_path: Path) -> None:
    path = tmp_path / "day.dat"
    path.write_bytes(gzip.compress(NS + b" {}"))
    assert list(WsLines([path])) == [(int(NS), b"{}")]


def test_a_bad_frame_is_reported_with_its_file_and_line(tmp_path: Path) -> None:
    lines = WsLines([write(tmp_path / "day.txt", NS + b" {}\n" + NS + b" {]\n" + NS + b" {}\n")])
    with pytest.raises(InputError) as error, lines.located():
        _refuse_second(lines)
    assert str(error.value) == f"{tmp_path}/day.txt:2: not JSON"


def _refuse_second(lines: WsLines) -> None:
    for _, frame in lines:
        if frame.startswith(b"{]"):
            raise FrameError("not JSON")


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.gz: No such file or directory; expected a file of recorded frames"):
        WsLines([tmp_path / "none.gz"])


def test_a_file_named_gz_that_is_not_gzip_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "day.gz").write_bytes(NS + b" {}")
    with pytest.raises(InputError, match=r"day.gz: not gzip; expected gzip because of its name"):
        list(WsLines([tmp_path / "day.gz"]))


def test_a_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Is a directory; expected a readable file"):
        list(WsLines([tmp_path]))


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_gzip_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    packed = bytearray(gzip.compress(b"".join(b"%d {}\n" % (int(NS) + at * 7919) for at in range(20_000))))
    if damage == "cut":
        del packed[len(packed) // 2 :]
    else:
        packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "day.gz").write_bytes(packed)
    with pytest.raises(InputError, match=r"day.gz(: damaged gzip after line \d+|:\d+: )") as error:
        list(WsLines([tmp_path / "day.gz"]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("line", [b"{}", b"", b"17900000 {}", b"-790000000123456789 {}", b"1790000000.123456 {}"])
def test_a_line_without_a_receive_time_is_one_clear_line(tmp_path: Path, line: bytes) -> None:
    lines = WsLines([write(tmp_path / "day.txt", NS + b" {}\n" + line + b"\n")])
    with pytest.raises(InputError, match=r"day.txt:2: .*expected '<16 digits \(us\) or 19 digits \(ns\)> <raw JSON>'"):
        list(lines)


def test_an_empty_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"day.txt: empty; expected lines"):
        list(WsLines([write(tmp_path / "day.txt", b"")]))


def test_files_that_overlap_are_one_clear_line(tmp_path: Path) -> None:
    first = write(tmp_path / "first", b"1790000000000000 {}\n1790000005000000 {}\n")
    second = write(tmp_path / "second", b"1790000003500000 {}\n1790000009000000 {}\n")
    with pytest.raises(InputError) as error:
        list(WsLines([first, second]))
    assert str(error.value) == (
        f"{second}: begins 1.500 s before the end of {first}; expected files in order of time that do not overlap"
    )
    with pytest.raises(InputError, match=r"first: begins 9.000 s before the end of .*second"):
        list(WsLines([second, first]))


def test_a_file_given_twice_is_one_clear_line_by_whatever_name(tmp_path: Path) -> None:
    path = write(tmp_path / "day", NS + b" {}")
    (tmp_path / "again").symlink_to(path)
    with pytest.raises(InputError) as error:
        WsLines([path, tmp_path / "again"])
    assert str(error.value) == f"{tmp_path}/again: given twice, first as {path}; expected each file once"


def test_a_pipe_is_one_clear_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"pipe: a pipe or device; expected a file of recorded frames"):
        WsLines([tmp_path / "pipe"])


def bad_lines(tmp_path: Path) -> Path:
    """A file of three good lines between bad ones of every kind that a line can be, whose gzip is cut off."""
    content = b"\n".join(
        [NS + b" {}", b"17900000 {}", NS + b" {]", b"no", NS + b" {}", b"x" * (LINE_BYTES_MAX + 5), NS + b" {}"]
    )
    packed = gzip.compress(content + b"\n" + os.urandom(1 << 16))
    path = tmp_path / "day.gz"
    path.write_bytes(packed[: len(packed) - (1 << 15)])
    return path


def taken(lines: WsLines) -> list[bytes]:
    """The frames that a reader that knows only `{}` takes."""
    good = []
    for _, frame in lines:
        try:
            _take(frame)
        except FrameError as error:
            lines.refuse(error)
        else:
            good.append(frame.rstrip())
    return good


def _take(frame: bytes) -> None:
    if not frame.startswith(b"{}"):
        raise FrameError("not JSON")


def test_salvage_leaves_bad_lines_out_and_names_the_first_of_each_kind(tmp_path: Path) -> None:
    path = bad_lines(tmp_path)
    lines = WsLines([path], salvage=True)
    for _ in range(2):  # each pass counts for itself
        assert taken(lines) == [b"{}"] * 3
        expected = {
            NO_TIME: (2, f"{path}:2: '17900000 {{}}' does not begin with a receive time"),
            BAD_FRAME: (1, f"{path}:3: not JSON"),
            TOO_LONG: (1, f"{path}:6: longer than 16 MiB; expected one frame"),
            TORN_GZIP: (1, f"{path}: damaged gzip after line "),
        }
        found = {kind: each for kind, each in lines.left_out.items() if kind in expected}
        assert {kind: each.first.startswith(expected[kind][1]) for kind, each in found.items()} == dict.fromkeys(
            expected, True
        )
        assert found[BAD_FRAME].count == found[TOO_LONG].count == found[TORN_GZIP].count == 1
        assert found[NO_TIME].count >= 2  # the noise at the end has no times either


@pytest.mark.parametrize("content", [b"17900000 {}", NS + b" {]", b"x" * (LINE_BYTES_MAX + 5)])
def test_without_salvage_a_bad_line_ends_the_reading_and_names_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "day.txt", NS + b" {}\n" + content + b"\n")
    with pytest.raises(InputError, match=r"day.txt:2: .*; --salvage leaves out such lines$"):
        taken(WsLines([path]))


def test_a_bomb_takes_no_more_memory_than_a_line(tmp_path: Path) -> None:
    packer = gzip.GzipFile(tmp_path / "bomb.gz", "wb", compresslevel=1)
    with packer:
        for _ in range(64):  # 256 MiB without a newline, 1 MB on disk
            packer.write(bytes(4 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"bomb.gz:1: longer than 16 MiB"):
            list(WsLines([tmp_path / "bomb.gz"]))
        assert tracemalloc.get_traced_memory()[1] < 6 * LINE_BYTES_MAX
    finally:
        tracemalloc.stop()

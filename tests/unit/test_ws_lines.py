"""Recorded files, whole and damaged."""

import gzip
from pathlib import Path

import pytest

from mm_core.types import InputError
from mm_store.ws_lines import WsLines
from mm_venues.frame_error import FrameError

NS, US = b"1790000000123456789", b"1790000000123456"


def write(path: Path, content: bytes) -> Path:
    """A file of that content, gzipped if its name says so."""
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


def test_files_out_of_order_are_one_clear_line(tmp_path: Path) -> None:
    late, early = write(tmp_path / "late", NS + b" {}"), write(tmp_path / "early", US + b" {}")
    with pytest.raises(InputError, match=r"early: begins before the file in front of it"):
        list(WsLines([late, early]))

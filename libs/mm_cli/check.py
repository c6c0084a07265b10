"""`crypto-mm check`: whether this machine is fit to run: versions, clock, self-tests, folders, ports, resources."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import urlsplit

import typer

from mm_cli.options import ConfigOption, SetOption
from mm_core.types import NS_PER_S, InputError
from mm_service.config import load_config
from mm_venues.port import VenueAwayError
from mm_venues.registry import DEFAULT, VENUES
from mm_venues.settings import VenueSettings

if TYPE_CHECKING:
    from mm_service.settings import Settings

OK, WARN, FAIL = "ok", "warn", "fail"
NTP_HOST = "pool.ntp.org"
NTP_PORT = 123
NTP_EPOCH_S = 2_208_988_800  # from 1900, where NTP counts from, to 1970
ANSWER_S_MAX = 2.0  # of a time server
MEASURE_S_MAX = 5.0  # of an exchange: several round trips
OFFSET_NS_WARN, OFFSET_NS_FAIL = 100_000_000, NS_PER_S
SELF_TEST_S_MAX = 120
FREE_GB_WARN, FREE_GB_FAIL = 10, 1
FILES_WARN = 1024
PACKAGES = ("crypto-mm", "numba", "numpy", "pyarrow", "msgspec", "nats-py", "clickhouse-connect", "chdb")


class Line(NamedTuple):
    """One line of the result."""

    name: str
    status: str
    text: str


def run(
    out: Annotated[Path, typer.Option(help="Folder that sessions will be written to.")] = Path("out"),
    ntp: Annotated[str, typer.Option(help="Time server to compare the clock with; empty: none.")] = NTP_HOST,
    rest_url: Annotated[str | None, typer.Option(help="Exchange to compare the clock with; empty: none.")] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Check this machine: versions, clock, decisions, folders, ports, disk. Exit code 1 if one fails.

    A time server or exchange that cannot be reached is reported, and is no failure.
    """
    chosen = load_config(config, settings or ())
    url = chosen.venue.rest_url if rest_url is None else rest_url
    lines: list[Line] = []
    for line in _lines(out, ntp, url, chosen):
        lines.append(line)
        if not as_json:
            typer.echo(f"{line.status:5} {line.name:16} {line.text}")
    ok = all(line.status != FAIL for line in lines)
    if as_json:
        typer.echo(json.dumps({"ok": ok, "checks": [line._asdict() for line in lines]}))
    if not ok:
        raise typer.Exit(1)


def _lines(out: Path, ntp: str, rest_url: str, settings: "Settings") -> Iterator[Line]:
    yield from _versions()
    yield from _clock(ntp, rest_url)
    yield _decisions()
    yield from _folders(out)
    yield from _ports(settings)
    yield from _resources(out)


def _versions() -> Iterator[Line]:
    yield Line("python", OK, f"{python_version()}, {sys.executable}")
    for name in PACKAGES:
        try:
            yield Line(name, OK, version(name))
        except PackageNotFoundError:
            yield Line(name, FAIL, "not installed; expected the packages of requirements.lock")
    yield _version_of("nats-server", ["nats-server", "--version"])
    yield _version_of("chdb engine", [sys.executable, "-c", "import chdb; print(chdb.engine_version)"])
    from mm_core.compiled import CORE_DIGEST, JIT, PLATFORM

    yield Line("core digest", OK, CORE_DIGEST)
    yield Line("compiled code", OK if JIT else WARN, PLATFORM if JIT else "off: NUMBA_DISABLE_JIT is set")


def _version_of(name: str, command: list[str]) -> Line:
    """The version that a program prints; it stands beside this Python, or on the path."""
    beside = Path(sys.executable).parent / command[0]
    program = str(beside) if beside.is_file() else shutil.which(command[0])
    if program is None:
        return Line(name, FAIL, f"neither beside {sys.executable} nor on the path")
    try:
        printed = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603  # programs named above
    except (OSError, subprocess.SubprocessError) as error:
        return Line(name, FAIL, f"{program}: {error}")
    return Line(name, OK, printed.stdout.strip().removeprefix(f"{name}: "))


def _clock(ntp: str, rest_url: str) -> Iterator[Line]:
    for name, where, offset in (("clock, ntp", ntp, _ntp), ("clock, exchange", rest_url, _exchange)):
        if not where:
            yield Line(name, OK, "not queried")
            continue
        try:
            offset_ns, error_ns = offset(where)
        except (OSError, ValueError, VenueAwayError) as error:
            yield Line(name, OK, f"not compared: {where}: {error or type(error).__name__}")
        else:
            yield Line(name, _offset_status(offset_ns), _offset_text(where, offset_ns, error_ns))


def _offset_status(offset_ns: int) -> str:
    if abs(offset_ns) > OFFSET_NS_FAIL:
        return FAIL
    return WARN if abs(offset_ns) > OFFSET_NS_WARN else OK


def _offset_text(where: str, offset_ns: int, error_ns: int) -> str:
    side = "behind" if offset_ns > 0 else "ahead of"
    return f"{abs(offset_ns) / 1e6:,.1f} ms {side} {where}, known to +- {error_ns / 1e6:,.1f} ms"


def _ntp(where: str) -> tuple[int, int]:
    """What to add to our clock, and half the round trip: SNTP (RFC 4330). `where` is a host, or host:port."""
    host, _, port = where.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_S_MAX)
        client.connect((host, int(port or NTP_PORT)))
        sent_ns = time.time_ns()
        token = os.urandom(8)  # in the place of our transmit time: the answer must name it
        client.send(b"\x23" + bytes(39) + token)
        answer = client.recv(512)
        came_ns = time.time_ns()
    if len(answer) < 48 or answer[0] & 7 != 4 or not 1 <= answer[1] <= 15 or answer[24:32] != token:
        raise ValueError("no answer of a synchronised time server")
    server_ns = [
        (int.from_bytes(answer[at : at + 4]) - NTP_EPOCH_S) * NS_PER_S
        + (int.from_bytes(answer[at + 4 : at + 8]) * NS_PER_S >> 32)
        for at in (32, 40)
    ]
    away_ns = came_ns - sent_ns - (server_ns[1] - server_ns[0])
    return (sum(server_ns) - sent_ns - came_ns) // 2, away_ns // 2


def _exchange(url: str) -> tuple[int, int]:
    """What to add to our clock, and half the round trip plus the millisecond that a venue's time is cut to."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(f"--rest-url {url}: expected a URL such as https://api.example.com")

    async def measure() -> tuple[int, int]:
        async with asyncio.timeout(MEASURE_S_MAX), VENUES[DEFAULT].connect(VenueSettings(rest_url=url)) as connection:
            offset = await connection.clock_offset()
        return offset.offset_ns, offset.rtt_ns // 2 + NS_PER_S // 1_000

    return asyncio.run(measure())


def _decisions() -> Line:
    """A synthetic market decided compiled, twice, and by plain Python in a process of its own."""
    name = "decisions"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "mm_research.self_test"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as other:  # noqa: S603  # ourselves
        from mm_research.self_test import self_test

        first, second = self_test(), self_test()
        try:
            output, error = other.communicate(timeout=SELF_TEST_S_MAX)
        except subprocess.TimeoutExpired:
            other.kill()
            return Line(name, FAIL, f"plain Python took more than {SELF_TEST_S_MAX} s")
    if other.returncode:
        return Line(name, FAIL, f"plain Python: {error.strip().splitlines()[-1] if error.strip() else 'no answer'}")
    plain = json.loads(output)
    if first.digest != second.digest:
        return Line(name, FAIL, "two runs differ")
    if first.decisions != plain["decisions"]:
        return Line(name, FAIL, f"compiled code and plain Python differ over {first.events:,} events")
    bytes_too = "every byte" if first.digest == plain["digest"] else "floats apart"
    text = f"{first.events:,} events, {first.fills} fills: compiled twice the same, and as plain Python ({bytes_too})"
    return Line(name, OK, text)


def _folders(out: Path) -> Iterator[Line]:
    from numba.core import config as numba_config
    from platformdirs import user_state_path

    state = user_state_path("crypto-mm")
    for name, folder, status in (
        ("--out", out, FAIL),
        ("state", state, FAIL),
        ("compiled cache", Path(numba_config.CACHE_DIR), WARN),  # an image has a warm one, and is read-only
    ):
        trouble = _trouble(folder)
        yield Line(name, status if trouble else OK, f"{folder}{trouble}")


def _trouble(folder: Path) -> str:
    """Why a folder cannot be written or made, or nothing."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return f": {there}: {error.strerror}"


def _ports(settings: "Settings") -> Iterator[Line]:
    addresses = [("service.metrics_port", settings.service.metrics_host, settings.service.metrics_port)]
    if not settings.bus.url:
        addresses.append(("bus.port", "127.0.0.1", settings.bus.port))
    for name, host, port in addresses:
        try:
            with socket.create_server((host, port)):
                yield Line(name, OK, f"{host}:{port} is free" if port else f"{host}: any free port")
        except OSError as error:
            yield Line(name, FAIL, f"{host}:{port}: {error.strerror}")


def _resources(out: Path) -> Iterator[Line]:
    there = next(each for each in (out.absolute(), *out.absolute().parents) if each.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    status = FAIL if free_gb < FREE_GB_FAIL else WARN if free_gb < FREE_GB_WARN else OK
    yield Line("disk", status, f"{free_gb:,.1f} GB free at {there}")
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Line("cpus", OK if cpus > 1 else WARN, str(cpus))
    if sys.platform != "win32":
        import resource

        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield Line("open files", OK if files >= FILES_WARN else WARN, f"{files:,}; {FILES_WARN:,} are enough")

"""A real nats-server that a test may kill and start again."""

import shutil
import subprocess
import time
from pathlib import Path

import nats
from nats.js.api import StreamConfig

from mm_bus.nats_server import HOST, free_port, server_command
from mm_wire.subjects import stream, writer_subject

GROUP = "test"
START_S = 20.0


class Server:
    """One server with its port and its data, which outlive its process."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self.port = free_port(0, "port")
        self.url = f"nats://{HOST}:{self.port}"
        self._command = [
            *server_command(folder, self.port),
            "--log",
            str(folder / "log"),
            "--ports_file_dir",
            str(folder),
        ]
        if config:
            (folder / "nats-server.conf").write_text(config.replace("http: 127.0.0.1:8222", ""))
            self._command += ["--addr", HOST, "--port", str(self.port)]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens, which is when it has written down its ports."""
        self._process = subprocess.Popen(self._command)
        ports = self._folder / f"nats-server_{self._process.pid}.ports"
        ends_s = time.monotonic() + START_S
        while not ports.exists():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < ends_s, "nats-server does not listen"
            time.sleep(0.005)

    def kill(self) -> None:
        """SIGKILL: it writes nothing more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """SIGTERM: it writes down where everything lies."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    @property
    def data(self) -> Path:
        """The server's files."""
        return self._folder / "data"

    @property
    def block(self) -> Path:
        """The largest file of the log's stream."""
        return max(self.data.rglob(f"{stream(GROUP)}/msgs/*.blk"), key=lambda path: path.stat().st_size)

    def copy(self) -> Path:
        """Copy the server's files as they are now."""
        copy = self._folder.with_name(f"copy-{time.monotonic_ns()}")
        shutil.copytree(self.data, copy)
        return copy

    def put_back(self, copy: Path, *, only_log: bool = False) -> None:
        """Put files of before in the place of those that are there; `only_log`: of the log's stream."""
        place = next(self.data.rglob(stream(GROUP))) if only_log else self.data
        shutil.rmtree(place)
        shutil.copytree(copy / place.relative_to(self.data), place)


async def stored(server: Server) -> list[tuple[int, bytes]]:
    """(sequence, data) of all events of the log; what is no event is left out."""
    client = await nats.connect(server.url)
    jetstream = client.jetstream()
    info = await jetstream.stream_info(stream(GROUP))
    reader = await jetstream.subscribe("mm.>", stream=stream(GROUP), ordered_consumer=True)
    messages, seq = [], 0
    while seq < info.state.last_seq:
        message = await reader.next_msg(timeout=10)
        seq = message.metadata.sequence.stream
        if message.subject != writer_subject(GROUP):
            messages.append((seq, message.data))
    await client.close()
    return messages


async def log_of(server: Server) -> list[bytes]:
    """The data of all events of the log, in its order."""
    return [data for _, data in await stored(server)]


async def make_stream(server: Server, config: StreamConfig) -> None:
    """Make a stream before anyone else does."""
    client = await nats.connect(server.url)
    await client.jetstream().add_stream(config)
    await client.close()

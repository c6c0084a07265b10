"""`crypto-mm serve-replay` as a process of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.session import environment
from tests.venue.venue import WAIT_S_MAX

SERVING = re.compile(r"serving wss?://(\S+) and \S+?(?:, certificate to trust: (\S+))?$")


class Served(NamedTuple):
    """Where it is: addresses without a scheme, and the certificate of the second one."""

    plain: str
    tls: str
    certificate: str


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Served]:
    """A venue while the block runs; what it keeps is in `folder`."""
    command = [sys.executable, "-m", "mm_cli", "serve-replay", "--port", "0", "--tls-port", "0", *options]
    with subprocess.Popen(command, env=environment(folder), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = (match for line in process.stderr if (match := SERVING.match(line.rstrip())))
            plain, tls = next(found), next(found)
            yield Served(plain[1], tls[1], tls[2])
            if "--exit-at-end" in options:
                process.wait(WAIT_S_MAX)
        finally:
            process.terminate()
    assert process.returncode == 0

"""The sample, paper-traded over NATS and ClickHouse as a user does it, with its metrics watched from outside."""

import os
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.monitoring.prometheus import Prometheus, running
from tests.session import paper_command, session, summary_of

from mm_bus.nats_server import HOST, free_port
from mm_core.types import InputError
from mm_session.processes import SERVICES
from mm_wire.subjects import RECORDER

NAMES = (*SERVICES, RECORDER)
SPEED = 8  # times real time: two minutes of market in fifteen seconds, so that rates have something to be made of
PATIENCE_S = 180.0
ROUND_S = 0.5


class Observed:
    """A session that has ended. `families`: the last metrics of each service while all services ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.families: dict[str, list[Metric]] = {}
        self.prometheus: Prometheus | None = None


@contextmanager
def observe(folder: Path) -> Iterator[Observed]:
    """Run a session to its end, and keep the Prometheus that scraped it."""
    observed = Observed(folder / "session")
    ports = dict(zip(NAMES, _free_ports(len(NAMES)), strict=True))
    options = ["--speed", str(SPEED), "--set", f"service.metrics_port={ports[NAMES[0]]}"]
    with ExitStack() as stack:
        with session(paper_command(observed.folder, *options), folder / "state") as process:
            until_s = time.monotonic() + PATIENCE_S
            while process.poll() is None and time.monotonic() < until_s:
                if pages := _pages(ports):
                    if not observed.families:  # all services are up
                        observed.prometheus = stack.enter_context(running(folder, ports))
                    observed.families = {name: list(_families(page)) for name, page in pages.items()}
                    if observed.prometheus:
                        observed.prometheus.at_s = time.time()
                time.sleep(ROUND_S)
            summary_of(process, PATIENCE_S)
        yield observed


def _free_ports(count: int) -> Sequence[int]:
    """Free ports in a row, as a session takes them; below those that connections get."""
    for first in range(20_000 + os.getpid() % 8_000, 32_000):
        with suppress(InputError):
            return [free_port(first + number, "metrics_port") for number in range(count)]
    raise AssertionError(f"no {count} free ports in a row")


def _pages(ports: dict[str, int]) -> dict[str, str]:
    """What each service exports now; nothing unless all of them answer."""
    pages = {}
    for name, port in ports.items():
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=2) as answer:
                pages[name] = answer.read().decode()
        except OSError:
            return {}
    return pages


def _families(page: str) -> Iterator[Metric]:
    yield from text_string_to_metric_families(page)

"""A real Prometheus on a free port, with the rules of this repository."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mm_bus.nats_server import HOST, free_port

PROGRAM = "prometheus"
RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules" / "crypto-mm.yml"
PATIENCE_S = 30.0
CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: crypto-mm
    static_configs:
"""
TARGET = '      - {{targets: ["{host}:{port}"], labels: {{service: {name}}}}}\n'


class Prometheus:
    """Its HTTP interface. Answers are those at `at_s`, Unix time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.at_s = 0.0

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression. AssertionError with Prometheus's own message if it is none."""
        result: list[dict[str, Any]] = self.ask("query", query=expression, time=f"{self.at_s:.3f}")["result"]
        return result

    def rules(self, kind: str) -> list[dict[str, Any]]:
        """The rules that it has loaded, of the kind `alerting` or `recording`."""
        groups = self.ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"] if rule["type"] == kind]

    def ask(self, path: str, **fields: str) -> Any:
        """The data of an answer."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(fields)}"
        try:
            with urllib.request.urlopen(url) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{fields}: {error.read().decode()}") from error


@contextmanager
def running(folder: Path, ports: Mapping[str, int]) -> Iterator[Prometheus | None]:
    """A Prometheus that scrapes the services at `ports` every second; None where the program is missing."""
    if shutil.which(PROGRAM) is None:
        yield None
        return
    config = folder / "prometheus.yml"
    targets = [TARGET.format(host=HOST, port=port, name=name) for name, port in ports.items()]
    config.write_text(CONFIG.format(rules=RULES) + "".join(targets))
    port = free_port(0, "prometheus")
    command = [
        PROGRAM,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={HOST}:{port}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _until_ready(process, f"http://{HOST}:{port}", folder / "prometheus.log")
            yield Prometheus(f"http://{HOST}:{port}")
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        assert process.poll() is None, log.read_text()[-1000:]
        try:
            with urllib.request.urlopen(f"{url}/-/ready"):  # noqa: S310
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"prometheus is not ready: {log.read_text()[-1000:]}")

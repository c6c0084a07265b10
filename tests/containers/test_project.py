"""All services in containers: each one crashed, or cut off from the bus, and the log and the store are as if not."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from time import sleep
from typing import Any

import pytest
from tests.containers.project import DOCKER, PATIENCE_S, Project, build, project, until
from tests.session import log_bytes, paper_command, session, summary_of

from mm_bus.nats_server import free_port

NODES = ("paper_exchange", "book_builder", "quoter", "risk", "accountant")
CRASHED = ("recorder", *NODES, "sequencer", "archiver", "nats", "clickhouse")
CUT_OFF = ("recorder", "nats", "quoter", "risk", "sequencer", "archiver")
CUT_S = 4.0
Harm = Callable[[Project, str], None]


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """Summary and log of the same frames in one process, without a bus; and the image is built."""
    build()
    folder = tmp_path_factory.mktemp("offline")
    with session(paper_command(folder / "out", "--bus", "memory"), folder) as process:
        summary = summary_of(process, PATIENCE_S)
    return summary, [hashlib.sha256(event).hexdigest() for event in log_bytes(folder / "out")]


def crash(running: Project, service: str) -> None:
    """End the container's process as a crash does: the engine starts it again."""
    before = running.container(service)
    os.kill(before["State"]["Pid"], 9)

    def is_back() -> bool:
        now = running.container(service)
        return bool(now["RestartCount"] > before["RestartCount"] and now["State"]["Running"])

    until(is_back)


def cut_off(running: Project, service: str) -> None:
    """Take the container from the network of the bus for some seconds."""
    container = running.container(service)
    (network,) = (name for name in container["NetworkSettings"]["Networks"] if name.endswith("_inside"))
    names = [
        option for name in container["NetworkSettings"]["Networks"][network]["Aliases"] for option in ("--alias", name)
    ]
    for arguments in (["disconnect"], ["connect", *names]):
        subprocess.run([DOCKER, "network", *arguments, network, container["Id"]], check=True, timeout=60)
        sleep(CUT_S if arguments[0] == "disconnect" else 0)  # the time of the cut is what is tested


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can crash a container's process")
@pytest.mark.parametrize(("harm", "services"), [(crash, CRASHED), (cut_off, CUT_OFF)], ids=["crashed", "cut off"])
def test_the_log_and_the_store_are_as_if_nothing_had_been(
    harm: Harm, services: tuple[str, ...], offline: tuple[dict[str, Any], list[str]]
) -> None:
    summary, log = offline
    name = f"mm-test-{os.getpid()}-{harm.__name__.replace('_', '-')}"
    with project(name, {"sequencer": free_port(0, "port"), "archiver": free_port(0, "port")}) as running:
        for number, service in enumerate(services, start=1):
            place = number * len(log) // (len(services) + 1)
            at = running.until("sequencer", lambda status, place=place: status.get("last_seq", 0) >= place)  # type: ignore[misc]
            harm(running, service)
            print(f"{service:16}{harm.__name__} at event {at['last_seq']:6} of {len(log)}")  # noqa: T201
        end = running.until("sequencer", lambda status: bool(status.get("ended")))
        stored = running.until("archiver", lambda status: status.get("counted_seq", 0) >= end["last_seq"])
        restarts = {service: running.container(service)["RestartCount"] for service in CRASHED}
        found = running.log(end["last_seq"])
        print(f"log equal: {found[1:] == log[1:]}; store {stored['counts']}; restarts {restarts}")  # noqa: T201
        assert len(found) == len(log)
        assert found[1:] == log[1:]  # the first defines the instrument, in the container by the venue's own answer
        feed = summary["feed"]
        expected = {"deltas": feed["depth_applied"], "trades": feed["trades"]}
        expected |= {"orders": summary["orders"], "fills": summary["fills"]}
        assert {key: stored["counts"][key] for key in expected} == expected
        assert restarts == dict.fromkeys(CRASHED, 1 if harm is crash else 0)
        check_export(running, summary)


def check_export(running: Project, summary: dict[str, Any]) -> None:
    """Whether the session in containers is a session: exported by the operator, and verified by every node."""
    operator = ("run", "--rm", "--no-TTY", "operator")
    exported = running.run(*operator, "export", "--group", "main", "--out", "/exports/session", "--json")
    found = json.loads(exported.splitlines()[-1])
    assert {key: found[key] for key in ("orders", "fills")} == {key: summary[key] for key in ("orders", "fills")}
    verified = json.loads(running.run(*operator, "verify", "--session", "/exports/session", "--json").splitlines()[-1])
    assert (verified["ok"], verified["first_difference"]) == (True, None)
    print(f"exported: {found['orders']} orders, {found['fills']} fills; verified: {verified['ok']}")  # noqa: T201

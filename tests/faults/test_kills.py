"""Processes of a session killed by SIGKILL at random places of its log: the log ends as if nothing had been."""

import random
from pathlib import Path
from typing import Any

import pytest
from tests.session import kill_at, log_bytes, log_position, paper_command, session, summary_of

SERVICES = (
    *("paper_exchange", "book_builder", "quoter", "risk", "accountant"),
    *("sequencer", "recorder", "archiver", "nats-server"),
)
SESSION_S = 400.0
EQUAL = ("orders", "fills", "position", "pnl", "feed", "digests", "store")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[bytes]]:
    """Summary and log of a session in which nothing dies."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with session(paper_command(folder / "out"), folder) as process:
        return summary_of(process, SESSION_S), log_bytes(folder / "out")


def log_size(log: list[bytes]) -> int:
    """About what a log takes on the server's disk."""
    return sum(len(event) + 150 for event in log)


def check(folder: Path, name: str, kills: int, undisturbed: tuple[dict[str, Any], list[bytes]], seed: int) -> None:
    """Kill a service so often, and compare."""
    expected, log = undisturbed
    chance = random.Random(f"{name} {seed}")  # noqa: S311
    places = [chance.randrange(2_000, int(0.9 * log_size(log))) for _ in range(kills)]
    out = folder / "out"
    with session(paper_command(out), folder) as process:
        killed = kill_at(process, out, name, places, SESSION_S)
        summary = summary_of(process, SESSION_S)
    assert killed == kills
    assert log_bytes(out) == log
    assert {key: summary[key] for key in EQUAL} == {key: expected[key] for key in EQUAL}
    assert summary["restarts"] == {name: kills}


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_a_session_survives_twenty_deaths_of(
    name: str, tmp_path: Path, undisturbed: tuple[dict[str, Any], list[bytes]]
) -> None:
    check(tmp_path, name, 20, undisturbed, seed=2)


def test_the_place_in_the_log_is_known_from_the_disk(tmp_path: Path) -> None:
    assert log_position(tmp_path) == 0

"""The image by itself: nobody's root, nothing to write, and nothing left to compile on the machine that built it."""

import pytest
from testcontainers.core.container import DockerContainer
from tests.containers.project import IMAGE, build

WARM = "python /app/deploy/warm.py /app/deploy/config"
WRITTEN = 'find "$NUMBA_CACHE_DIR" -type f | wc -l'
LINKED = 'find "$NUMBA_CACHE_DIR" -type l | wc -l'


@pytest.fixture(scope="module", autouse=True)
def _image() -> None:
    build()


def printed(*commands: str) -> list[str]:
    """What shell commands print in a container as guarded as those of docker-compose.yml; failures are printed."""
    guarded = {
        "read_only": True,
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    script = "; ".join(f"({command}) 2>&1 || echo failed" for command in commands)
    container = DockerContainer(IMAGE).with_tmpfs_mount("/tmp").with_kwargs(**guarded)  # noqa: S108
    with container.with_command(["sh", "-c", script]) as running:
        running.get_wrapped_container().wait(timeout=180)
        out, _ = running.get_logs()
    return out.decode().splitlines()


def test_it_runs_as_nobody_in_particular_and_can_write_nowhere() -> None:
    user, *errors = printed("id -u", "touch /app/x", "touch /opt/compiled/x", 'touch "$HOME/x" && echo written')
    assert user == "10000"
    assert [line for line in errors if "Read-only" not in line] == ["failed", "failed", "written"]


def test_it_starts_without_compiling_anything() -> None:
    linked, *rest, written = printed(LINKED, WARM, WRITTEN)
    assert int(linked) > 100
    assert rest == []
    assert int(written) == 0


def test_bad_input_is_one_line_in_it_too() -> None:
    lines = printed("crypto-mm paper --symbol SYNTH --source replay:/missing.gz")
    assert lines[-1] == "failed"
    assert [line for line in lines if line.startswith("error: ")] == lines[:-1]
    assert "/missing.gz" in lines[0]

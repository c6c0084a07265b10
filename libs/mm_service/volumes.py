"""What containers need before they start: secrets made when they are missing, and folders that belong to their user.

Every container has a uid of its own, and a secret can be read by its owner only: no service can read another's.
"""

import hashlib
import os
import secrets
from pathlib import Path

from mm_bus.permissions import server_config, users
from mm_core.types import InputError
from mm_wire.subjects import (
    ACCOUNTANT,
    ARCHIVER,
    BOOK_BUILDER,
    OPERATOR,
    PAPER_EXCHANGE,
    QUOTER,
    RECORDER,
    RISK,
    SEQUENCER,
)

NATS, CLICKHOUSE, GRAFANA = "nats", "clickhouse", "grafana"
READER = "reader"  # the user of ClickHouse that dashboards log in as
CLICKHOUSE_UID, GRAFANA_UID = 101, 472  # those of the images
SESSION_UID = 10_000
# Who owns a secret, and runs as that uid in docker-compose.yml. Files on volumes belong to it: none changes its owner.
UIDS = {
    SEQUENCER: 10_001,
    PAPER_EXCHANGE: 10_002,
    BOOK_BUILDER: 10_003,
    QUOTER: 10_004,
    RISK: 10_005,
    ACCOUNTANT: 10_006,
    RECORDER: 10_007,
    ARCHIVER: 10_008,
    OPERATOR: 10_009,
    NATS: 10_010,
    CLICKHOUSE: CLICKHOUSE_UID,
    GRAFANA: GRAFANA_UID,
}
STORE_USERS = {ARCHIVER: UIDS[ARCHIVER], OPERATOR: UIDS[OPERATOR], READER: GRAFANA_UID}
# Volume -> who writes it.
WRITERS = {
    "nats-data": UIDS[NATS],
    "clickhouse-data": CLICKHOUSE_UID,
    "session": SESSION_UID,
    "data": UIDS[RECORDER],
    "log": UIDS[ARCHIVER],
    "exports": UIDS[OPERATOR],
}
SECRET_BYTES = 24
SERVER_STORE = "/data"  # of nats-server, in its container
# What the users of ClickHouse may do, beside logging in.
GRANTS = {
    ARCHIVER: [
        "GRANT CREATE DATABASE, CREATE TABLE, ALTER ADD COLUMN, CREATE VIEW, DROP VIEW, SELECT, INSERT ON crypto_mm.*",
        "GRANT ALTER TTL, ALTER MATERIALIZE TTL ON crypto_mm.*",
        "GRANT SELECT ON system.*",
    ],
    OPERATOR: ["GRANT ALL ON crypto_mm.*", "GRANT SELECT ON system.*", "GRANT SYSTEM, KILL QUERY ON *.*"],
    READER: ["GRANT SELECT ON crypto_mm.*"],
}
STORE_CONFIG = """\
<!-- Written by `crypto-mm deploy prepare` from mm_service/volumes.py. -->
<clickhouse>
  <profiles>
    <bounded>
      <!-- 2: Grafana sets how long a query may take; nothing else that bounds it can be changed. -->
      <readonly>2</readonly>
      <allow_ddl>0</allow_ddl>
      <max_execution_time>30</max_execution_time>
      <max_memory_usage>1000000000</max_memory_usage>
      <max_result_rows>1000000</max_result_rows>
      <max_threads>2</max_threads>
      <constraints>
        <allow_ddl><const/></allow_ddl>
        <max_execution_time><max>120</max></max_execution_time>
        <max_memory_usage><const/></max_memory_usage>
        <max_result_rows><const/></max_result_rows>
        <max_threads><const/></max_threads>
      </constraints>
    </bounded>
  </profiles>
  <users>
    <default remove="remove"/>
{users}
  </users>
</clickhouse>
"""
STORE_USER = """\
    <{name}>
      <password_sha256_hex>{digest}</password_sha256_hex>
      <networks><ip>::/0</ip></networks>
      <profile>{profile}</profile>
      <quota>default</quota>
      <grants>{grants}</grants>
    </{name}>"""


def prepare(folder: Path, group: str, sync_interval: str = "2m") -> list[str]:
    """Make what is missing in the volumes mounted in `folder`; the names of new secrets.

    Passwords that are there stay; what is derived from them is written anew. InputError for a folder that is missing.
    """
    if missing := [name for name in ("secrets", "clickhouse-users", *WRITERS) if not (folder / name).is_dir()]:
        raise InputError(f"{folder}: no {', '.join(missing)}; expected the volumes of docker-compose.yml")
    made: list[str] = []
    place = folder / "secrets"
    passwords = {name: _secret(place / NATS / name, UIDS[name], made) for name in users(group)}
    config = server_config(group, passwords, SERVER_STORE, sync_interval)
    _write(place / NATS / "nats-server.conf", config, UIDS[NATS])
    stores = {name: _secret(place / CLICKHOUSE / name, uid, made) for name, uid in STORE_USERS.items()}
    _write(folder / "clickhouse-users" / "crypto-mm.xml", store_config(stores), CLICKHOUSE_UID)
    _secret(place / GRAFANA / "admin", GRAFANA_UID, made)
    for name, uid in WRITERS.items():
        if not any((folder / name).iterdir()):  # later it may hold files of others, which we leave alone
            _give(folder / name, uid)
    return made


def store_config(passwords: dict[str, str]) -> str:
    """The users of ClickHouse, with digests of their passwords."""
    entries = [
        STORE_USER.format(
            name=name,
            digest=hashlib.sha256(password.encode()).hexdigest(),
            profile="bounded" if name == READER else "default",
            grants="".join(f"<query>{grant}</query>" for grant in GRANTS[name]),
        )
        for name, password in passwords.items()
    ]
    return STORE_CONFIG.format(users="\n".join(entries))


def _secret(path: Path, uid: int, made: list[str]) -> str:
    """The password in a file, which is made where it is missing or empty."""
    if path.is_file() and (password := path.read_text().strip()):
        return password
    password = secrets.token_hex(SECRET_BYTES)
    _write(path, password, uid)
    made.append(f"{path.parent.name}/{path.name}")
    return password


def _write(path: Path, text: str, uid: int) -> None:
    """A file that only `uid` can read; complete or not there."""
    path.parent.mkdir(mode=0o711, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(text)
    _give(temporary, uid)
    temporary.replace(path)


def _give(path: Path, uid: int) -> None:
    if os.geteuid() == 0:  # a test makes them for itself
        os.chown(path, uid, uid)

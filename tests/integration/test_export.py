"""A session on the bus: its log on disk is the stream, in its store and in what is exported of it while it runs."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.session import environment, paper_command, session

from mm_store.clickhouse.log_table import read_records as stored_records
from mm_store.clickhouse.store import open_store
from mm_store.log_read import read_log, read_records

PATIENCE_S = 120.0
TABLES = ("quotes", "orders", "fills", "state", "pnl", "kpi_spread")


def crypto_mm(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another command."""
    command = [sys.executable, "-m", "mm_cli", *arguments]
    return subprocess.run(
        command, env=environment(state), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def until_filled(state: Path) -> None:
    """Wait until the session has traded for a while."""
    ends_s = monotonic() + PATIENCE_S
    while monotonic() < ends_s:
        done = crypto_mm(state, "status", "--json")
        sessions: list[Any] = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else []
        if sessions and (sessions[0]["services"].get("archiver") or {}).get("stored_seq", 0) > 1_500:
            return
        sleep(0.1)
    raise AssertionError("the session does not get on")


def test_a_running_session_is_exported_and_the_ended_one_is_its_log(tmp_path: Path) -> None:
    out, early, late = (tmp_path / name for name in ("out", "early", "late"))
    with session(paper_command(out, "--speed", "2", "--set", "store.batch_ms=200"), tmp_path) as process:
        until_filled(tmp_path)
        exported = crypto_mm(tmp_path, "export", "--group", "main", "--out", str(early), "--json")
        assert exported.returncode == 0, exported.stderr[-2000:]
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    verified = crypto_mm(tmp_path, "verify", "--session", str(early), "--json")
    assert verified.returncode == 0, verified.stderr[-2000:]
    assert json.loads(verified.stdout.splitlines()[-1])["ok"] is True
    whole, part = list(read_records(out)), list(read_records(early))
    assert 1_500 < len(part) < len(whole)
    assert whole[: len(part)] == part
    assert json.loads(exported.stdout.splitlines()[-1])["log_seq"] == len(part)

    client = open_store(out / "clickhouse")
    try:
        name = client.query("SELECT any(session) FROM log").result_rows[0][0]
        assert list(stored_records(client, name)) == whole
    finally:
        client.close()
    again = crypto_mm(tmp_path, "export", "--session", str(out), "--out", str(late))
    assert again.returncode == 0, again.stderr[-2000:]
    for table in TABLES:
        assert (late / f"{table}.csv").read_bytes() == (out / f"{table}.csv").read_bytes(), table
    assert sum(1 for _ in read_log(late)) == sum(1 for record in whole if not record.is_fence)
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in (out, late)]
    assert summaries[0]["digests"] == summaries[1]["digests"]

"""What grows on disk and the room for it, wherever a service writes."""

import argparse
import shutil
from pathlib import Path

import pytest

from mm_core.events import InstrumentDefined
from mm_service.figures.disk import CLICKHOUSE, FRAMES, add_clickhouse, add_folder
from mm_service.metrics import Metrics
from mm_services.recorder.options import add_options, frames_folder
from mm_store.clickhouse.sizes import Sizes
from mm_store.clickhouse.store import open_store

ETH = InstrumentDefined(instrument_id="binance.ETHUSDT", ts_ns=0, venue_symbol="ETHUSDT", tick_size="1", lot_size="1")


def figures(metrics: Metrics) -> dict[tuple[str, str], float]:
    """(name, store) -> value."""
    samples = [sample for family in metrics.collect() for sample in family.samples]
    return {(sample.name, sample.labels["store"]): sample.value for sample in samples if "store" in sample.labels}


@pytest.mark.parametrize("given", [["--frames", "{}"], ["--data", "{}"]], ids=["a session", "containers"])
def test_the_disk_of_a_recorder_is_watched_wherever_it_writes(tmp_path: Path, given: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    options_given = [each.format(tmp_path) for each in given]
    options = parser.parse_args(["--instrument", "i.json", "--source", "live", *options_given])
    folder = frames_folder(options, ETH)
    assert folder is not None
    assert folder.is_relative_to(tmp_path)
    metrics = Metrics("recorder", "main")
    add_folder(metrics, FRAMES, folder, "ETHUSDT_*.ws.gz")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ETHUSDT_20260101.ws.gz").write_bytes(b"x" * 30)
    (folder / "ETHUSDT_20260102.ws.gz").write_bytes(b"x" * 12)
    (folder / "BTCUSDT_20260102.ws.gz").write_bytes(b"x")
    found = figures(metrics)
    assert found["mm_recorder_store_bytes", FRAMES] == 42
    assert found["mm_recorder_disk_free_bytes", FRAMES] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)


def test_a_folder_that_is_missing_is_empty_and_its_disk_is_watched_all_the_same(tmp_path: Path) -> None:
    metrics = Metrics("recorder", "main")
    add_folder(metrics, FRAMES, tmp_path / "no" / "such")
    found = figures(metrics)
    assert found["mm_recorder_store_bytes", FRAMES] == 0
    assert found["mm_recorder_disk_free_bytes", FRAMES] > 0


def test_clickhouse_reports_its_size_and_its_free_space(tmp_path: Path) -> None:
    metrics, sizes = Metrics("archiver", "main"), Sizes()
    add_clickhouse(metrics, sizes)
    assert figures(metrics) == {}  # no figure before it has
    client = open_store(tmp_path / "clickhouse")
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.command("INSERT INTO t SELECT number FROM numbers(10000)")
    sizes.ask(client)
    client.close()
    found = figures(metrics)
    assert found["mm_archiver_store_bytes", CLICKHOUSE] > 10_000
    assert found["mm_archiver_disk_free_bytes", CLICKHOUSE] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)

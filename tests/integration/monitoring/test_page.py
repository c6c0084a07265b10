"""docs/metrics.md lists exactly what the services export: names, types, units and labels."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import Metric
from tests.integration.monitoring.observed import NAMES, Observed
from tests.session import SAMPLE

from mm_bus.topology import INPUTS
from mm_service.figures.disk import FRAMES, add_folder
from mm_service.metrics import Metrics
from mm_services.recorder.figures import add_live
from mm_services.replay_venue.serve import figures
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define
from mm_venues.binance.venue.market import Market, look_ahead
from mm_venues.binance.venue.player import Player, Source
from mm_wire.subjects import RECORDER

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
ROW = re.compile(r"\| `(mm_[a-z_<>]+)` \| (\w+) \| (\w+) \| (.*?) ?\| (.+) \|")
UNITS = {"seconds": "s", "bytes": "B", "quote": "quote", "base": "base"}
COMMON = {"group", "le"}  # listed once for all

Row = tuple[str, str, tuple[str, ...]]  # type, unit, labels


def on_page() -> dict[str, Row]:
    """The rows of the page, with the placeholders filled in."""
    rows: dict[str, Row] = {}
    for name, kind, unit, labels, _ in ROW.findall(PAGE.read_text()):
        names = [name.replace("<service>", each) for each in NAMES] if "<service>" in name else [name]
        names = [name.replace("<node>", each) for each in INPUTS] if "<node>" in name else names
        for each in names:
            assert each not in rows, f"{each} stands on the page twice"
            rows[each] = kind, unit, tuple(re.findall(r"`(\w+)`", labels))
    return rows


def row(family: Metric) -> tuple[str, Row]:
    """What the page should have on an exported family."""
    name = family.name + ("_total" if family.type == "counter" else "")
    last = name.removesuffix("_total").rsplit("_", 1)[1]
    labels = sorted({label for sample in family.samples for label in sample.labels} - COMMON)
    return name, (family.type, UNITS.get(last, "1"), tuple(labels))


@pytest.fixture(scope="module")
def exported(observed: Observed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The metrics of a session, and those that only a live one has."""
    live = Metrics(RECORDER, "main")
    add_live(live, SimpleNamespace(client=None))  # type: ignore[arg-type]  # what is read of it
    add_folder(live, FRAMES, tmp_path_factory.getbasetemp())
    families = [family for families in observed.families.values() for family in families]
    lines = WsLines([SAMPLE])
    market = Market(define("SYNTH", lines).instrument, look_ahead(lines))
    venue = figures(Player([Source(market, lines, lambda: lines.where)], 0.0)).collect()
    of_venue = [family for family in venue if "_process_" not in family.name]
    return dict(row(family) for family in [*families, *live.collect(), *of_venue])


def test_the_page_lists_what_the_services_export_and_nothing_else(exported: dict[str, Row]) -> None:
    assert len(exported) > 150
    assert sorted(on_page().items()) == sorted(exported.items())


def test_every_sample_names_its_group(observed: Observed) -> None:
    samples = [sample for families in observed.families.values() for family in families for sample in family.samples]
    assert {sample.labels.get("group") for sample in samples} == {"main"}


def test_no_label_has_many_values(observed: Observed) -> None:
    families = [family for families in observed.families.values() for family in families]
    assert {family.name: len(family.samples) for family in families if len(family.samples) > 32} == {}


def test_every_family_is_documented(observed: Observed) -> None:
    families = [family for families in observed.families.values() for family in families]
    assert [family.name for family in families if len(family.documentation) < 5] == []

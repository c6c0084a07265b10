"""The dashboard: every expression gives figures of a real session, every statement rows of its ClickHouse."""

import json
import math
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from tests.integration.monitoring.observed import Observed
from tests.integration.monitoring.prometheus import Prometheus
from tests.integration.monitoring.promql import selectors

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards"
BOARD: dict[str, Any] = json.loads((FOLDER / "crypto-mm.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
SOURCES = {"prometheus": "prometheus", "grafana-clickhouse-datasource": "clickhouse"}  # type -> uid
PROMQL = sorted({(panel["title"], each["expr"]) for panel in PANELS for each in panel["targets"] if "expr" in each})
SQL = sorted({(panel["title"], each["rawSql"]) for panel in PANELS for each in panel["targets"] if "rawSql" in each})
VARIABLES: dict[str, Any] = {each["name"]: each for each in BOARD["templating"]["list"]}
# What Grafana puts in the place of its variables.
GRAFANA = {"$__rate_interval": "1m", "$__range": "5m", "$group": ".+"}


def filled_in(expression: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, f"{expression}: a variable that no one fills in"
    return expression


def rows(observed: Observed, statement: str) -> list[dict[str, Any]]:
    """The rows of a statement, from the ClickHouse of the session, as a user asks it."""
    command = [sys.executable, "-m", "mm_cli", "sql", "--session", str(observed.folder), "--format", "json", statement]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def session(observed: Observed) -> str:
    """The first value of the variable `session`."""
    (row, *_) = rows(observed, VARIABLES["session"]["query"])
    return str(row["session"])


def test_every_source_is_one_that_is_provisioned() -> None:
    sources = [panel["datasource"] for panel in PANELS]
    sources += [target["datasource"] for panel in PANELS for target in panel["targets"]]
    sources += [variable["datasource"] for variable in VARIABLES.values()]
    assert [source for source in sources if SOURCES.get(source["type"]) != source["uid"]] == []


def test_panels_have_ids_of_their_own_and_do_not_cover_each_other() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids) > 40
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert [place for place in places if place["x"] + place["w"] > 24] == []
    covered = [
        (one, other)
        for one, other in combinations(places, 2)
        if one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
        if one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    ]
    assert covered == []


def test_every_panel_asks_something_and_has_a_title() -> None:
    assert [panel["id"] for panel in PANELS if not panel["targets"] or not panel["title"]] == []
    assert len(PROMQL) > 60
    assert len(SQL) > 4


@pytest.mark.parametrize(("title", "expression"), PROMQL)
def test_every_expression_gives_figures(title: str, expression: str, prometheus: Prometheus) -> None:
    expression = filled_in(expression, GRAFANA)
    values = [float(series["value"][1]) for series in prometheus.query(expression)]
    if all(math.isnan(value) for value in values):  # nothing to show at the very end, such as quotes on one side
        values += [float(series["value"][1]) for series in prometheus.query(f"max_over_time(({expression})[10m:1s])")]
    assert [value for value in values if not math.isnan(value)], f"{title}: {expression} gives {values}"
    queried = [selector for selector in selectors(expression) if not selector.startswith("ALERTS")]  # all is well
    assert [selector for selector in queried if not prometheus.query(selector)] == []


def test_the_variable_of_groups_is_a_label_that_there_is(prometheus: Prometheus) -> None:
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", VARIABLES["group"]["query"]["query"])
    assert found
    assert {series["metric"].get(found[2]) for series in prometheus.query(found[1])} == {"main"}


@pytest.mark.parametrize(("title", "statement"), SQL)
def test_every_statement_gives_rows(title: str, statement: str, observed: Observed, session: str) -> None:
    found = rows(observed, filled_in(statement, {"${session}": session}))
    assert found, f"{title}: no rows"
    assert [row for row in found if None in row.values()] == []


def test_the_tables_and_the_metrics_show_the_same_session(observed: Observed) -> None:
    """The account as it was scraped last stands in the table, after as many fills."""
    samples = [sample for family in observed.families["accountant"] for sample in family.samples]
    figures = {sample.name.removeprefix("mm_accountant_"): sample.value for sample in samples}
    names = ("position", "realised", "fees", "spread")
    columns = ", ".join(f"toFloat64({name}) AS {name}" for name in names)
    after = rows(observed, f"SELECT {columns} FROM v_positions ORDER BY seq")  # noqa: S608
    fills = int(figures["fills_total"])
    assert len(after) >= fills > 10
    scraped = ("position_base", "pnl_realised_quote", "fees_quote", "pnl_spread_quote")
    assert [after[fills - 1][name] for name in names] == pytest.approx([figures[name] for name in scraped])

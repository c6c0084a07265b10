"""The rules: checked and tested by promtool, and every expression against a Prometheus that scraped a real session."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.integration.monitoring.prometheus import RULES, Prometheus
from tests.integration.monitoring.promql import selectors

TESTS = sorted((RULES.parents[1] / "tests").glob("*.yml"))


def run(promtool: str, *arguments: str | Path) -> None:
    done = subprocess.run([promtool, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_rules(promtool: str) -> None:
    run(promtool, "check", "rules", "--lint-fatal", RULES)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_fire_as_they_should_over_made_up_figures(promtool: str, path: Path) -> None:
    run(promtool, "test", "rules", path)


def test_every_rule_has_a_test() -> None:
    """An alert by its name; a record too, or by an alert that reads it."""
    blocks = re.split(r"\n +- (?=alert:|record:)", RULES.read_text())[1:]
    names = [re.split(r"\s", block, maxsplit=2)[1] for block in blocks]
    read = "".join(block.split("labels:")[0] for block in blocks if block.startswith("alert:"))
    tested = "".join(path.read_text() for path in TESTS)
    assert len(names) > 30
    assert [name for name in names if name not in tested and not (":" in name and name in read)] == []


def test_every_alert_has_a_severity_and_what_to_do(prometheus: Prometheus) -> None:
    alerts = prometheus.rules("alerting")
    assert {alert["labels"].get("severity") for alert in alerts} == {"critical", "warning"}
    assert [alert["name"] for alert in alerts if set(alert["annotations"]) != {"summary", "description"}] == []
    assert [alert["name"] for alert in alerts if len(alert["annotations"]["description"]) < 80] == []


def test_every_rule_was_evaluated_without_an_error(prometheus: Prometheus) -> None:
    rules = prometheus.rules("alerting") + prometheus.rules("recording")
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []


def test_every_recording_rule_gives_figures(prometheus: Prometheus) -> None:
    rules = prometheus.rules("recording")
    assert len(rules) > 5
    assert [rule["name"] for rule in rules if not prometheus.query(rule["name"])] == []


def test_every_selector_of_every_rule_gives_figures(prometheus: Prometheus) -> None:
    rules = prometheus.rules("alerting") + prometheus.rules("recording")
    queried = {(rule["name"], selector) for rule in rules for selector in selectors(rule["query"])}
    assert {name for name, _ in queried} == {rule["name"] for rule in rules}
    assert sorted(each for each in queried if not prometheus.query(each[1])) == []


def test_every_alert_could_fire(prometheus: Prometheus) -> None:
    """Without thresholds its operands must meet: labels that do not join give nothing, whatever happens."""
    alerts = prometheus.rules("alerting")
    joined = {alert["name"]: prometheus.query(without_comparisons(alert["query"])) for alert in alerts}
    assert len(joined) > 20
    assert [name for name, series in joined.items() if not series] == []


def test_no_alert_fires_in_a_session_that_is_well(prometheus: Prometheus) -> None:
    found = prometheus.query('max_over_time(ALERTS{alertstate="firing"}[10m])')
    assert [series["metric"] for series in found] == []


def without_comparisons(query: str) -> str:
    """An alert's expression without its thresholds, and with everything that it joins joined.

    `x > 5` becomes `x`; `unless on (..) y`, which is there to hold an alert back, becomes `and on (..) y`.
    """
    return re.sub(r"\s(?:[<>]=?|==|!=)\s[-+\w.]+", " ", query).replace("unless on", "and on")

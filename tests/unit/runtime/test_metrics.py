"""A page of metrics, letter by letter."""

import pytest
from prometheus_client import generate_latest

from mm_service.metrics import SECONDS_BUCKETS, Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("quoter", "btc")


def page(metrics: Metrics) -> list[str]:
    """The samples, without those of the process."""
    lines = generate_latest(metrics).decode().splitlines()
    return [line for line in lines if not line.startswith("#") and "_process_" not in line]


def test_each_metric_names_its_service_and_its_group(metrics: Metrics) -> None:
    metrics.gauge("fair_price_quote", "A price", lambda: 1.5)
    metrics.counter("decisions", "A count", lambda: 3)
    metrics.counter("published", "A count by type", lambda: 4, event="Book")
    assert page(metrics) == [
        'mm_quoter_fair_price_quote{group="btc"} 1.5',
        'mm_quoter_decisions_total{group="btc"} 3.0',
        'mm_quoter_published_total{event="Book",group="btc"} 4.0',
    ]


def test_it_shows_what_the_process_takes(metrics: Metrics) -> None:
    names = {line.split("{")[0] for line in generate_latest(metrics).decode().splitlines() if "_process_" in line}
    assert {"mm_quoter_process_start_time_seconds", "mm_quoter_process_resident_memory_bytes"} <= names


def test_one_of_several_states_holds(metrics: Metrics) -> None:
    metrics.states("mode", "What it does", ["quoting", "silent"], lambda: "silent")
    assert page(metrics) == [
        'mm_quoter_mode{group="btc",state="quoting"} 0.0',
        'mm_quoter_mode{group="btc",state="silent"} 1.0',
    ]


def test_a_duration_counts_in_every_bucket_that_is_not_shorter(metrics: Metrics) -> None:
    observe = metrics.seconds("step_seconds", "How long")
    for seconds in (0.00005, 0.001, 0.0011, 7.0):  # on a bound it still counts
        observe(seconds)
    counts = dict(line.rsplit(" ", 1) for line in page(metrics))
    buckets = {bound: counts[f'mm_quoter_step_seconds_bucket{{group="btc",le="{bound}"}}'] for bound in SECONDS_BUCKETS}
    assert buckets == {
        bound: "1.0" if bound < 0.001 else "2.0" if bound < 0.0025 else "3.0" for bound in SECONDS_BUCKETS
    }
    assert counts['mm_quoter_step_seconds_bucket{group="btc",le="+Inf"}'] == "4.0"
    assert counts['mm_quoter_step_seconds_count{group="btc"}'] == "4.0"
    assert float(counts['mm_quoter_step_seconds_sum{group="btc"}']) == pytest.approx(7.00215)


def test_what_must_wait_is_added_once_at_the_first_scrape_at_which_it_may(metrics: Metrics) -> None:
    may: list[int] = []
    added: list[int] = []

    def add() -> None:
        added.append(1)
        metrics.gauge("mid_quote", "A price", lambda: 2)

    metrics.when(lambda: bool(may), add)
    assert page(metrics) == []
    may.append(1)
    assert page(metrics) == page(metrics) == ['mm_quoter_mid_quote{group="btc"} 2.0']
    assert added == [1]

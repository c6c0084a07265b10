"""The reader of expressions misses no selector."""

import pytest
from tests.integration.monitoring.promql import selectors


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("mm_a > 0.5e9", ["mm_a"]),
        ('up{job="crypto-mm"} == 0', ['up{job="crypto-mm"}']),
        ("sum by (group, le) (rate(mm_a_bucket[5m])) / on (group) mm:b", ["mm_a_bucket", "mm:b"]),
        ('label_replace({__name__=~"mm_.+_x"}, "s", "$1", "__name__", "mm_(.+)")', ['{__name__=~"mm_.+_x"}']),
        ('mm_a{state="valid"} == 0 unless on (group) mm_b == 1', ['mm_a{state="valid"}', "mm_b"]),
        ("max_over_time(mm_a[1d]) - mm_a offset 5m", ["mm_a", "mm_a"]),
        ('histogram_quantile(0.99, mm_a{x="a{b}"})', ['mm_a{x="a{b}"}']),
    ],
)
def test_it_finds_every_selector(expression: str, found: list[str]) -> None:
    assert selectors(expression) == found


def test_it_does_not_pass_over_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="strange: neither a selector nor a known keyword"):
        selectors("strange(mm_a) > 1")

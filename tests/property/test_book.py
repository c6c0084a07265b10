"""The compiled book equals its specification after every step of any stream of updates."""

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core import calls
from tests.unit.core.calls import BUY, SELL
from tests.unit.core.reference_book import ReferenceBook

from mm_core.book.book import apply_levels, new_book
from mm_core.book.window import FAR

SIDES = st.integers(0, 1)
# Near the touch; within reach of a window of 64; far beyond it on both sides, and at the limits of a price.
EDGES = st.sampled_from([0, 1, 15, 16, 17, 47, 48, 49, 63, 64, 65])  # of windows that begin or end at a round price
PRICES = st.one_of(
    st.integers(990, 1_010),
    st.integers(900, 1_100),
    st.integers(1, 3_000),
    st.sampled_from([1, 2, 10**6, 2**31 - 1]),
    st.builds(lambda price_ticks, edge: price_ticks - edge, st.sampled_from([200, 1_000, 1_100]), EDGES),
    st.builds(lambda price_ticks, edge: price_ticks + edge, st.sampled_from([200, 1_000, 1_100]), EDGES),
)


@dataclass(frozen=True)
class Step:
    """One step: `kind` is set, delta, snapshot, clear or clear_to."""

    kind: str
    levels: tuple[tuple[int, int, int], ...]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[int], list[Step]]:
    """(all prices that occur, steps). At most as many prices as the far table of a side holds."""
    prices = draw(st.lists(PRICES, min_size=1, max_size=calls.FAR_LEVELS, unique=True))
    level = st.tuples(SIDES, st.sampled_from(prices), st.sampled_from([0, 0, 1, 2, 7, 10**12]))
    kinds = st.sampled_from(["set"] * 6 + ["delta"] * 3 + ["snapshot", "clear", "clear_to"])
    steps = []
    for _ in range(draw(st.integers(1, 40))):
        kind = draw(kinds)
        size = {"set": (1, 1), "clear_to": (1, 1), "clear": (0, 0)}.get(kind, (1, 12))
        steps.append(Step(kind, tuple(draw(st.lists(level, min_size=size[0], max_size=size[1])))))
    return prices, steps


def apply(book: calls.State, reference: ReferenceBook, step: Step) -> None:
    """Take one step with both books, comparing what each level held before."""
    if step.kind in {"clear", "snapshot"}:
        calls.clear_book(book)
        reference.clear()
    for side, price_ticks, lots in step.levels:
        if step.kind == "clear_to":
            calls.clear_to(book, side, price_ticks)
            reference.clear_to(side, price_ticks)
        else:
            assert calls.set_level(book, side, price_ticks, lots) == reference.set_level(side, price_ticks, lots)


def visible(book: calls.State, side: int, count: int) -> list[tuple[int, int]]:
    """The best levels of a side of the compiled book."""
    ticks, lots = np.zeros(count, np.int64), np.zeros(count, np.int64)
    found = calls.top_levels(book, side, ticks, lots)
    return list(zip(ticks[:found].tolist(), lots[:found].tolist(), strict=True))


@settings(max_examples=300)
@given(streams())
def test_the_book_equals_its_specification_after_every_step(stream: tuple[list[int], list[Step]]) -> None:
    prices, steps = stream
    book, reference = new_book(calls.WIDTH, calls.FAR), ReferenceBook()
    for step in steps:
        apply(book, reference, step)
        assert tuple(map(int, calls.touch(book))) == reference.touch()
        for side in range(2):
            assert visible(book, side, len(prices)) == reference.visible(side)
            assert visible(book, side, 3) == reference.visible(side)[:3]
            held = [calls.lots_at(book, side, price_ticks) for price_ticks in prices]
            assert held == [reference.lots_at(side, price_ticks) for price_ticks in prices], "a level is lost"
        assert calls.state_hash(book) == reference.state_hash()
        assert bool(calls.is_crossed(book)) == reference.is_crossed()


def spread_out(seed: int, count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(sides, prices, lots) of updates all over the prices of a tape, near the touch and far away; some remove."""
    chance = np.random.default_rng(seed)
    sides = chance.integers(0, 2, count)
    distances = np.where(chance.random(count) < 0.2, chance.integers(1, 50, count), chance.integers(1, 2**29, count))
    prices = 2**30 + np.where(sides == SELL, distances, -distances)
    return sides, prices, np.where(chance.random(count) < 0.1, 0, chance.integers(1, 10**9, count))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_book_of_more_levels_than_it_holds_knows_those_nearest_to_the_touch(seed: int) -> None:
    """Of 150,000 levels a side: what is better than the bound is right, the rest may be dropped."""
    book, reference = new_book(), ReferenceBook()
    sides, prices, lots = spread_out(seed, 300_000)
    for start in range(0, len(sides), 1_000):
        part = slice(start, start + 1_000)
        for side in (BUY, SELL):
            mine = sides[part] == side
            apply_levels(book, side, prices[part][mine], lots[part][mine])
    for level in zip(sides.tolist(), prices.tolist(), lots.tolist(), strict=True):
        reference.levels[level[0]][reference.rank(*level[:2])] = level[2]
    for side in (BUY, SELL):
        right = {rank: lots for rank, lots in reference.levels[side].items() if lots}
        held = {reference.rank(side, ticks): lots for ticks, lots in visible(book, side, 150_000)}
        bound = int(book["cut_rank"][0, side])
        assert len(right) > 100_000
        assert held.items() <= right.items(), "a level that is not there"
        assert held.keys() >= {rank for rank in right if rank > bound}, "a level above the bound is lost"
        assert sum(rank > bound for rank in right) > FAR // 2
        assert not calls.is_cut(book, side)
        calls.clear_to(book, side, abs(bound) - (1 if side == SELL else -1))
        assert calls.is_cut(book, side)
    calls.clear_book(book)
    assert not calls.is_cut(book, BUY)


@settings(max_examples=100)
@given(streams(), st.randoms(use_true_random=False))
def test_the_hash_depends_on_the_levels_only(stream: tuple[list[int], list[Step]], random: Random) -> None:
    book, reference = new_book(calls.WIDTH, calls.FAR), ReferenceBook()
    for step in stream[1]:
        apply(book, reference, step)
    levels = [(side, abs(rank), lots) for side in range(2) for rank, lots in reference.levels[side].items()]
    random.shuffle(levels)
    other = new_book(calls.WIDTH, calls.FAR)
    for level in levels:
        calls.set_level(other, *level)
    assert calls.state_hash(other) == calls.state_hash(book)

"""The book's rules by table: crossing updates, clears, far prices, limits."""

import numpy as np
import pytest
from tests.unit.core import calls
from tests.unit.core.calls import BUY, SELL
from tests.unit.core.reference_book import ReferenceBook

from mm_core.book.book import apply_levels, new_book
from mm_core.book.window import SHIFT_MAX

Level = tuple[int, int, int]


def book_of(*levels: Level) -> calls.State:
    """A small book after these (side, ticks, lots)."""
    book = new_book(calls.WIDTH, calls.FAR)
    for level in levels:
        calls.set_level(book, *level)
    return book


def side_of(book: calls.State, side: int) -> list[tuple[int, int]]:
    ticks, lots = np.zeros(50, np.int64), np.zeros(50, np.int64)
    count = calls.top_levels(book, side, ticks, lots)
    return list(zip(ticks[:count].tolist(), lots[:count].tolist(), strict=True))


LADDER: tuple[Level, ...] = ((BUY, 99, 4), (BUY, 100, 5), (SELL, 101, 6), (SELL, 102, 7), (SELL, 103, 8))


def test_an_empty_side_has_neither_price_nor_lots() -> None:
    assert calls.touch(book_of()) == (0, 0, 0, 0)
    assert calls.touch(book_of((SELL, 101, 6))) == (0, 0, 101, 6)


@pytest.mark.parametrize(
    ("update", "touch", "crossed"),
    [
        ((BUY, 101, 1), (101, 1, 102, 7), True),  # locked counts as crossed: the ask moves behind
        ((BUY, 102, 1), (102, 1, 103, 8), True),
        ((BUY, 103, 1), (103, 1, 0, 0), True),  # nothing is left behind it
        ((SELL, 100, 1), (99, 4, 100, 1), True),
        ((SELL, 99, 1), (0, 0, 99, 1), True),
        ((BUY, 98, 1), (100, 5, 101, 6), False),
        ((BUY, 101, 0), (100, 5, 101, 6), False),  # removing what is not there
    ],
)
def test_the_newer_level_wins(update: Level, touch: tuple[int, int, int, int], crossed: bool) -> None:
    book = book_of(*LADDER, update)
    assert calls.touch(book) == touch
    assert calls.is_crossed(book) == crossed


def test_hidden_levels_keep_their_lots_and_stay_hidden_until_updated_again() -> None:
    book = book_of(*LADDER, (BUY, 102, 1), (BUY, 102, 0))
    assert calls.touch(book) == (100, 5, 103, 8)
    assert calls.lots_at(book, SELL, 101) == 6
    calls.set_level(book, SELL, 102, 7)  # the better one, 101, stays hidden
    assert side_of(book, SELL) == [(102, 7), (103, 8)]
    assert calls.is_crossed(book)
    calls.set_level(book, SELL, 101, 6)
    assert side_of(book, SELL) == [(101, 6), (102, 7), (103, 8)]
    assert not calls.is_crossed(book)


def test_a_crossing_delta_that_removes_what_it_crossed_leaves_a_sound_book() -> None:
    book = book_of(*LADDER, (BUY, 102, 1), (SELL, 101, 0), (SELL, 102, 0))
    assert not calls.is_crossed(book)
    assert calls.touch(book) == (102, 1, 103, 8)


def test_a_level_hidden_above_a_window_that_has_moved_away_is_still_seen_as_crossed() -> None:
    book = book_of((SELL, 990, 1), (SELL, 900, 1), (BUY, 900, 1))
    assert calls.touch(book) == (900, 1, 990, 1)
    assert calls.is_crossed(book)


@pytest.mark.parametrize(
    ("to_ticks", "asks"),
    [
        (100, [(101, 7), (102, 7), (103, 7), (104, 7), (105, 7)]),
        (101, [(102, 7), (103, 7), (104, 7), (105, 7)]),
        (103, [(104, 7), (105, 7)]),  # neither one level too many nor one too few
        (105, []),
        (2_000, []),
    ],
)
def test_a_clear_removes_exactly_the_levels_requested(to_ticks: int, asks: list[tuple[int, int]]) -> None:
    book = book_of((BUY, 100, 10), *((SELL, ticks, 7) for ticks in range(101, 106)))
    calls.clear_to(book, SELL, to_ticks)
    assert side_of(book, SELL) == asks
    assert side_of(book, BUY) == [(100, 10)]
    assert sum(calls.lots_at(book, SELL, ticks) for ticks in range(101, 106)) == 7 * len(asks)


def test_a_clear_of_some_hidden_levels_does_not_forget_the_others() -> None:
    book = book_of(*LADDER, (BUY, 103, 1))
    calls.clear_to(book, SELL, 102)
    assert calls.lots_at(book, SELL, 103) == 8
    assert calls.is_crossed(book)


def test_far_prices_are_never_silently_empty() -> None:
    book = book_of((BUY, 1, 3), (SELL, 2**31 - 1, 4))
    assert calls.touch(book) == (1, 3, 2**31 - 1, 4)
    for level in LADDER:
        calls.set_level(book, *level)
    assert side_of(book, BUY)[-1] == (1, 3)
    assert side_of(book, SELL)[-1] == (2**31 - 1, 4)


def test_the_window_follows_the_market_both_ways_and_loses_nothing() -> None:
    book = book_of(*((BUY, ticks, ticks) for ticks in range(100, 2_100, 100)))
    expected = [(ticks, ticks) for ticks in range(2_000, 0, -100)]
    assert side_of(book, BUY) == expected
    for ticks, _ in expected[:-1]:
        calls.set_level(book, BUY, ticks, 0)
    assert side_of(book, BUY) == [(100, 100)]


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("behind", range(calls.WIDTH + 2))
def test_a_level_at_any_distance_behind_a_new_best_survives_the_move_of_the_window(side: int, behind: int) -> None:
    worse = -behind if side == BUY else behind
    book = book_of((side, 1_000, 1), (side, 5_000 + worse, 9), (side, 5_000, 3), (side, 1_000, 0))
    calls.set_level(book, side, 5_000 - 1_000 * (1 - 2 * side), 2)  # away, and back again
    calls.set_level(book, side, 5_000 + 1_000 * (1 - 2 * side), 4)
    calls.set_level(book, side, 5_000 + 1_000 * (1 - 2 * side), 0)
    assert side_of(book, side)[: 1 + (behind > 0)] == ([(5_000, 3), (5_000 + worse, 9)] if behind else [(5_000, 3)])


def test_a_full_table_forgets_the_levels_farthest_from_the_touch_and_remembers_the_bound() -> None:
    prices = [1_000 * i for i in range(1, calls.FAR + 1)]
    book = book_of((SELL, 10, 1), *((SELL, price_ticks, 1) for price_ticks in prices))
    assert len(side_of(book, SELL)) == 1 + calls.FAR
    calls.set_level(book, SELL, 500, 1)  # a quarter of the table is dropped, from its far end
    left = [10, 500, *prices[: calls.FAR * 3 // 4]]
    assert [ticks for ticks, _ in side_of(book, SELL)] == left
    assert int(book["cut_rank"][0, SELL]) == -25_000
    calls.set_level(book, SELL, 30_000, 0)  # a dropped level, removed and set again
    calls.set_level(book, SELL, 30_000, 7)
    assert side_of(book, SELL)[-1] == (30_000, 7)


def test_a_touch_beyond_the_bound_of_a_side_may_not_be_the_best() -> None:
    book = book_of((SELL, 10, 1), *((SELL, 1_000 * i, 1) for i in range(1, calls.FAR + 1)), (SELL, 500, 1))
    calls.set_level(book, SELL, 40_000, 1)
    calls.clear_to(book, SELL, 23_000)
    assert (calls.touch(book)[2], bool(calls.is_cut(book, SELL))) == (24_000, False)
    calls.set_level(book, SELL, 24_000, 0)
    assert (calls.touch(book)[2], bool(calls.is_cut(book, SELL))) == (40_000, True)
    assert not calls.is_cut(book, BUY)
    calls.clear_book(book)
    assert not calls.is_cut(book, SELL)


def test_the_hash_is_that_of_the_specification_near_and_far() -> None:
    levels = (*LADDER, (SELL, 30_000, 9), (BUY, 2, 3))
    reference = ReferenceBook()
    for level in levels:
        reference.set_level(*level)
    assert int(calls.state_hash(book_of(*levels))) == reference.state_hash()


def test_a_cleared_book_is_as_a_new_one() -> None:
    book = book_of(*LADDER, (SELL, 30_000, 9), (BUY, 102, 1))
    calls.clear_book(book)
    assert calls.state_hash(book) == calls.state_hash(book_of()) == 0
    for level in ((BUY, 99, 1), (SELL, 103, 2)):
        calls.set_level(book, *level)
    assert (side_of(book, BUY), side_of(book, SELL)) == ([(99, 1)], [(103, 2)])


def test_a_window_with_more_levels_than_the_table_holds_keeps_the_nearest_when_it_moves() -> None:
    book = book_of(*((BUY, ticks, 1) for ticks in range(100, 100 + calls.WIDTH)), (BUY, 5_000, 1))
    held = [ticks for ticks, _ in side_of(book, BUY)]
    assert held == [5_000, *range(99 + calls.WIDTH, 100 + calls.WIDTH - len(held), -1)]
    assert len(held) - 1 >= calls.FAR_LEVELS
    assert int(book["cut_rank"][0, BUY]) == held[-1] - 1


@pytest.mark.parametrize("step", [1, -1])
def test_a_table_is_spread_anew_where_no_free_place_is_near(step: int) -> None:
    prices = list(range(100_000, 100_000 + 10 * 3 * SHIFT_MAX, 10))[::step]
    book = new_book(calls.WIDTH, 1 << 11)
    calls.set_level(book, SELL, 10, 1)
    for price_ticks in prices:
        calls.set_level(book, SELL, price_ticks, 7)
    ticks, lots = np.zeros(4_000, np.int64), np.zeros(4_000, np.int64)
    count = calls.top_levels(book, SELL, ticks, lots)
    assert ticks[:count].tolist() == [10, *sorted(prices)]
    assert not calls.is_cut(book, SELL)


def test_removed_far_levels_make_room_for_new_ones() -> None:
    book = book_of((SELL, 10, 1))
    for lap in range(1, 5):
        prices = range(100_000 * lap, 100_000 * lap + 1_000 * calls.FAR_LEVELS, 1_000)
        for lots in (1, 0):
            for price_ticks in prices:
                calls.set_level(book, SELL, price_ticks, lots)
    assert side_of(book, SELL) == [(10, 1)]


def test_the_live_entry_sets_levels_in_their_order() -> None:
    book = new_book(calls.WIDTH, calls.FAR)
    apply_levels(book, SELL, np.array([101, 102, 101]), np.array([6, 7, 5]))
    assert side_of(book, SELL) == [(101, 5), (102, 7)]

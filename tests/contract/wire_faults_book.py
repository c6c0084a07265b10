"""Faults of ids, snapshots, levels, trades and the text of frames: (number, fault, handling, tests)."""

_FRAMES = "tests/contract/binance/test_wire_faults.py::test_"
_CLIENT_FAULTS = "tests/contract/binance/test_wire_faults_client.py::test_"
_TIMES = "tests/contract/binance/test_wire_faults_times.py::test_"
_AUDIT = "tests/contract/binance/test_audit.py::test_"
_CLIENT = "tests/contract/binance/test_client.py::test_"
_CLOCK_GUARD = "tests/unit/test_clock_guard.py::test_"
_DEFINITIONS = "tests/contract/binance/test_definitions.py::test_"
_DISCONNECTS = "tests/contract/binance/test_disconnects.py::test_"
_FAULTS = "tests/contract/binance/test_feed_faults.py::test_"
_FEED_CLOCKS = "tests/contract/binance/test_feed_clocks.py::test_"
_FEED = "tests/contract/binance/test_feed.py::test_"
_HEALED = "tests/contract/binance/test_wire_faults_healed.py::test_"
_MUTATED = "tests/contract/binance/test_mutated_frames.py::test_"
_NODES = "tests/unit/nodes/test_market_nodes.py::test_"
_PACING = "tests/contract/binance/test_pacing.py::test_"
_PARSE = "tests/contract/binance/test_parse.py::test_"
_SYNC = "tests/contract/binance/test_sync.py::test_"
_TRADE_IDS = "tests/unit/test_trade_ids.py::test_"
_UNITS = "tests/contract/binance/test_units.py::test_"
_RULE = f"{_FRAMES}the_book_continues_or_is_void_by_the_rule"

BOOK: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
    (
        1,
        "an event of the depth stream is missing",
        "GAP at once and a new epoch; a snapshot is fetched, paced; trades and other symbols continue.",
        (f"{_RULE}[hole]", f"{_CLIENT}a_hole_in_the_ids_is_healed_on_the_same_connection"),
    ),
    (
        2,
        "an event comes twice",
        "Dropped and counted as a duplicate; the book stays VALID.",
        (f"{_RULE}[repeated]", f"{_SYNC}what_became_of_every_diff_is_counted"),
    ),
    (
        3,
        "two events change places",
        "The newer one voids the book, the older one behind it is dropped: one new start, not two.",
        (f"{_RULE}[swapped]",),
    ),
    (
        4,
        "an event begins with ids that are applied already",
        "Applied in full, because its quantities are absolute; the book stays VALID.",
        (f"{_RULE}[overlapping]", f"{_SYNC}whatever_arrives_a_valid_book_is_the_true_book"),
    ),
    (
        5,
        "a snapshot is older than the first event that waits for it",
        "Refused and fetched again; what waits stays.",
        (f"{_RULE}[old snapshot]", f"{_CLIENT}a_snapshot_that_is_too_old_is_fetched_again_and_the_diffs_stay"),
    ),
    (
        6,
        "a snapshot ends exactly where the first event begins",
        "Accepted as it is.",
        (f"{_RULE}[snapshot on the boundary]",),
    ),
    (
        7,
        "one old snapshot is served again and again",
        "Each is refused and counted, the pause between two doubles, and no book is published; a newer one heals.",
        (
            f"{_CLIENT_FAULTS}one_stale_snapshot_again_and_again_never_makes_a_book",
            f"{_CLIENT_FAULTS}a_stale_snapshot_is_requested_again_only_after_a_pause",
            f"{_PACING}delays_double_up_to_the_cap_and_start_over_only_on_reset",
        ),
    ),
    (
        8,
        "a snapshot is newer than everything that waits",
        "What waits is dropped, and the first event that continues the snapshot proves the book.",
        (f"{_RULE}[snapshot ahead of the stream]",),
    ),
    (
        9,
        "a snapshot takes so long that events pile up",
        "At most 10,000 wait; then the oldest is dropped and counted, and a snapshot that needs it is refused.",
        (
            f"{_CLIENT_FAULTS}diffs_that_wait_for_a_late_snapshot_are_bounded",
            f"{_SYNC}the_buffer_is_bounded_and_drops_the_oldest",
        ),
    ),
    (
        10,
        "a level is removed that the book does not have",
        "Nothing changes, and the touch stays the venue's.",
        (f"{_FRAMES}the_touch_is_the_venues_after_odd_levels[removes unknown]",),
    ),
    (
        11,
        "one event names a price several times",
        "Taken in sequence: the last one counts.",
        (
            f"{_FRAMES}the_touch_is_the_venues_after_odd_levels[last wins]",
            f"{_FRAMES}the_touch_is_the_venues_after_odd_levels[last is 0]",
        ),
    ),
    (
        12,
        "an event leaves the book crossed or locked, or the venue's own touch is another one",
        "GAP with what speaks against the book, and VALID again by a snapshot; an event that crosses is not published.",
        (
            f"{_HEALED}a_book_that_is_wrong_is_void_until_a_snapshot_proves_another",
            f"{_FAULTS}a_crossed_or_locked_book_is_void_and_healed_by_a_snapshot",
            f"{_FAULTS}the_venues_own_touch_at_an_equal_id_speaks_against_the_book",
        ),
    ),
    (
        18,
        "the tick or lot size changes while the feed runs",
        "A price off the grid requests the rules at once; another grid ends the session with one line.",
        (
            f"{_HEALED}a_finer_tick_requests_the_rules_at_once_and_ends_the_epoch",
            f"{_FAULTS}another_grid_ends_the_feed",
            f"{_FAULTS}a_price_off_the_grid_asks_for_the_definition",
            f"{_FAULTS}new_filters_are_published_and_another_symbols_are_not",
        ),
    ),
    (
        19,
        "fields are missing that nobody promised, or new ones come",
        "A snapshot takes its time from the depth stream; fields that are not known are ignored.",
        (
            f"{_FRAMES}the_spelling_of_a_frame_makes_no_difference[with_more_fields]",
            f"{_SYNC}a_snapshot_keeps_the_time_of_the_last_diff_before_it",
        ),
    ),
    (
        20,
        "one of several symbols synchronises anew",
        "Each symbol has a feed and a connection of its own: the others publish every event.",
        (f"{_CLIENT_FAULTS}another_symbol_loses_nothing_while_one_synchronises_anew",),
    ),
    (
        34,
        "a frame is no JSON, cut, binary, empty, or huge",
        "Refused, counted, recorded in quotes; the book is proven anew; more than 4 MiB end the connection.",
        (
            f"{_CLIENT}a_bad_frame_is_counted_recorded_in_quotes_and_followed_by_a_new_snapshot",
            f"{_FRAMES}a_frame_that_is_cut_anywhere_is_refused",
            f"{_FEED}a_bad_frame_changes_nothing",
            f"{_MUTATED}a_feed_survives_any_frame",
            f"{_MUTATED}a_frame_that_cannot_be_read_is_one_line",
            f"{_CLIENT}a_lost_connection_voids_the_book_and_the_next_one_proves_it_again[oversized]",
        ),
    ),
    (
        35,
        "a price or quantity is no number that can be one",
        "The frame is refused and nothing of it becomes an event.",
        (
            f"{_FRAMES}what_is_no_price_or_quantity_never_becomes_an_event",
            f"{_UNITS}what_is_no_countable_number_is_refused",
            f"{_CLIENT}a_bad_frame_is_counted_recorded_in_quotes_and_followed_by_a_new_snapshot[nan]",
        ),
    ),
    (
        36,
        "an id is larger than a float can hold exactly, or than 64 bits",
        "Exact up to 2^63 - 1, refused beyond.",
        (f"{_FRAMES}large_ids_stay_exact", f"{_FRAMES}an_id_that_no_64_bits_hold_is_refused"),
    ),
    (
        37,
        "a field has another type, is missing, or a level has three entries",
        "The frame is refused with what is wrong; the feed is as before.",
        (
            f"{_FRAMES}a_frame_of_other_types_is_refused_and_the_book_stays_as_it_was",
            f"{_PARSE}a_bad_frame_is_an_error_that_names_what_is_wrong",
        ),
    ),
    (
        38,
        "times come in another unit",
        "Milliseconds and microseconds are distinguished by their digits; everything else is refused.",
        (
            f"{_TIMES}milliseconds_and_microseconds_are_one_time_and_anything_else_is_refused",
            f"{_PARSE}a_time_that_is_neither_ms_nor_us_is_refused",
        ),
    ),
    (
        39,
        "exchange times go back, or jump by hours",
        "Order is that of arrival; a time far ahead is bounded by the receive time and counted; frames hold what came.",
        (
            f"{_TIMES}order_is_that_of_arrival_whatever_the_exchange_times_are",
            f"{_FEED_CLOCKS}an_exchange_time_far_ahead_changes_nothing_else",
            f"{_CLOCK_GUARD}an_exchange_time_that_jumps_ahead_is_bounded",
            f"{_CLOCK_GUARD}an_exchange_time_that_lies_behind_is_passed_on",
            f"{_CLOCK_GUARD}local_time_never_runs_ahead_of_the_true_time_by_more_than_the_bound",
        ),
    ),
    (
        52,
        "events of the former subscription come late",
        "Dropped as older than the book by their ids.",
        (
            f"{_RULE}[late from before the reconnect]",
            f"{_DISCONNECTS}a_book_is_valid_only_by_a_snapshot_and_diffs_without_a_hole_of_one_connection",
        ),
    ),
    (
        54,
        "a snapshot comes that nobody requested",
        "It takes the book's place in one step at the book's own id; one that differs voids the book.",
        (
            f"{_FRAMES}a_snapshot_that_nobody_requested_does_not_void_the_book",
            f"{_FAULTS}a_snapshot_that_is_not_our_book_replaces_it_with_the_next_diff",
            f"{_SYNC}the_book_is_published_only_when_it_is_proven",
        ),
    ),
    (
        55,
        "the symbol is halted or in a break, or leaves the listing",
        "exchangeInfo is requested every five minutes: STALE by status until it trades; without events STALE by age.",
        (
            f"{_HEALED}a_symbol_that_is_halted_is_stale_until_it_trades_again",
            f"{_FAULTS}a_symbol_that_does_not_trade_is_stale_while_the_book_goes_on",
            f"{_DEFINITIONS}a_symbol_that_disappears_does_not_end_the_client",
            f"{_NODES}only_its_own_depth_stream_keeps_a_book_alive",
        ),
    ),
    (
        56,
        "trade ids have a hole or come again",
        "A hole is counted, a repeat of the same trade is left out; ids that begin again drop nothing.",
        (
            f"{_FEED}holes_and_repeats_in_trade_ids_are_counted_and_repeats_left_out",
            f"{_TRADE_IDS}trades_are_distinguished",
            f"{_TRADE_IDS}only_a_trade_that_was_there_with_the_same_content_is_dropped",
        ),
    ),
    (
        59,
        "fields in another order, more white space, letters as escapes",
        "Frames are decoded, not matched: the events are the same.",
        (
            f"{_FRAMES}the_spelling_of_a_frame_makes_no_difference[spelled_otherwise]",
            f"{_PARSE}each_kind_of_frame_is_read",
        ),
    ),
)

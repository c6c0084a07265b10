"""Faults of connections, limits, clocks, disks and processes: (number, fault, handling, tests)."""

_FAULTS = "tests/contract/binance/test_wire_faults_client.py::test_"
_SOCKET = "tests/contract/binance/test_wire_faults_socket.py::test_"
_TIMES = "tests/contract/binance/test_wire_faults_times.py::test_"
_CLIENT = "tests/contract/binance/test_client.py::test_"
_CONNECTION = "tests/contract/binance/test_connection.py::test_"
_BACKLOG = "tests/integration/runtime/test_backlog.py::test_"
_DEFINITIONS = "tests/contract/binance/test_definitions.py::test_"
_FEED_CLOCKS = "tests/contract/binance/test_feed_clocks.py::test_"
_FEED_FAULTS = "tests/contract/binance/test_feed_faults.py::test_"
_FRAMES = "tests/unit/test_frames.py::test_"
_GIVES_UP = "tests/contract/binance/test_gives_up.py::test_"
_HEALED = "tests/contract/binance/test_wire_faults_healed.py::test_"
_MUTATED = "tests/contract/binance/test_mutated_frames.py::test_"
_PACING = "tests/contract/binance/test_pacing.py::test_"
_RECORD = "tests/integration/test_record.py::test_"
_RECORDING = "tests/unit/test_recording.py::test_"
_REST = "tests/contract/binance/test_rest.py::test_"
_ROOTS = "tests/integration/runtime/test_roots.py::test_"
_ROTATION = "tests/contract/binance/test_rotation.py::test_"
_STEADY = "tests/unit/test_steady_clock.py::test_"
_LATE = "tests/integration/runtime/test_late.py::test_"
_LOST = f"{_CLIENT}a_lost_connection_voids_the_book_and_the_next_one_proves_it_again"

CONNECTION: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
    (
        21,
        "a connection is dead though nobody closed it",
        "Our own pings find no answer: it is given up and made anew.",
        (f"{_CONNECTION}a_dead_connection_is_given_up",),
    ),
    (
        22,
        "a quiet market",
        "While pings are answered nothing is closed, however long no frame comes.",
        (f"{_CONNECTION}a_quiet_market_is_no_reason_to_reconnect",),
    ),
    (
        23,
        "a stream that never begins, or a symbol that does not exist",
        "A stream without a first frame is named in the log; an unknown symbol ends with one clear line.",
        (
            f"{_FAULTS}a_stream_that_never_begins_is_named_while_the_others_go_on",
            f"{_CONNECTION}an_unknown_symbol_is_one_clear_line",
        ),
    ),
    (
        25,
        "the venue closes the connection with any code, or it is reset",
        "GAP, and a new connection after a pause with chance in it; after a close for a breach of policy a minute.",
        (f"{_FAULTS}every_end_of_a_connection_is_a_gap_and_is_healed", f"{_LOST}[policy]", f"{_LOST}[lost]"),
    ),
    (
        26,
        "this process stands still, so that pings find no answer",
        "What waited in the socket is not taken: the connection is dropped, counted as frozen, and made anew.",
        (
            f"{_GIVES_UP}what_waited_in_the_socket_during_a_freeze_is_not_taken",
            f"{_GIVES_UP}a_freeze_in_a_silent_market_is_noticed_too",
            f"{_STEADY}a_freeze_is_a_mark_that_did_not_come_in_time",
        ),
    ),
    (
        27,
        "a flood of pings, or more messages of the client than allowed",
        "Every ping is answered; streams are named in the address, so the client sends no message of its own.",
        (
            f"{_SOCKET}a_flood_of_pings_is_answered_and_the_client_sends_no_message_of_its_own",
            f"{_CLIENT}a_snapshot_is_fetched_after_the_first_diff_and_the_book_is_valid",
        ),
    ),
    (
        28,
        "the venue announces that it shuts the server down",
        "A second connection is opened and both are read until the new one is in step: no gap, nothing twice.",
        (
            f"{_ROTATION}a_shutdown_that_is_announced_costs_nothing",
            f"{_ROTATION}a_shutdown_before_the_successor_is_there_is_a_gap",
        ),
    ),
    (
        29,
        "the venue ends a connection after a day",
        "It is replaced an hour earlier, with an overlap; a successor that fails is tried again.",
        (
            f"{_ROTATION}a_connection_is_replaced_when_it_is_old",
            f"{_ROTATION}a_successor_that_ends_is_tried_again_and_the_old_one_stays",
            f"{_ROTATION}an_old_connection_that_ends_first_is_a_gap_and_the_successor_stays",
        ),
    ),
    (
        30,
        "the venue demands a slow-down (429)",
        "Nothing is sent to it, by REST or as a new connection, until the time that it named is over.",
        (
            f"{_REST}after_a_refusal_nothing_is_sent_until_retry_after_is_over",
            f"{_CLIENT}nothing_is_requested_before_retry_after_is_over",
            f"{_CONNECTION}a_venue_that_demands_a_pause_gets_no_request_at_all",
        ),
    ),
    (
        31,
        "the venue bans the address (418, or 403 and 503 in place of a handshake)",
        "As for 429; a connection that lives stays meanwhile.",
        (
            f"{_REST}after_a_refusal_nothing_is_sent_until_retry_after_is_over[418]",
            f"{_CONNECTION}a_venue_that_demands_a_pause_gets_no_request_at_all",
            f"{_CONNECTION}a_connection_that_lives_stays_while_rest_is_banned",
        ),
    ),
    (
        32,
        "Retry-After is missing, negative, a date, or huge",
        "A minute where it is no number above 0, at most a day.",
        (
            f"{_FAULTS}whatever_retry_after_is_requests_stop_for_a_time_that_ends",
            f"{_REST}retry_after_is_a_number_of_seconds_or_a_minute",
        ),
    ),
    (
        33,
        "all symbols need a snapshot at once",
        "One budget of request weight for the process, a fifth of what the venue allows: calls wait for their turn.",
        (
            f"{_HEALED}a_storm_of_snapshots_stays_within_a_fifth_of_what_the_venue_allows",
            f"{_PACING}request_weight_stays_below_its_maximum_in_any_window",
            f"{_PACING}what_is_heavier_than_the_maximum_waits_for_an_idle_window",
        ),
    ),
    (
        40,
        "the clock of this machine is set, or the machine sleeps",
        "Receive times run with the monotonic clock: a step is counted and never enters them.",
        (
            f"{_STEADY}a_step_of_the_wall_clock_and_back_never_shows",
            f"{_STEADY}it_never_goes_back_and_is_never_off_by_more_than_it_may_follow",
            f"{_FEED_CLOCKS}a_step_of_our_clock_moves_no_receive_time",
            f"{_REST}the_clock_offset_is_that_of_the_shortest_round_trip",
        ),
    ),
    (
        41,
        "summer time begins or ends",
        "Files, days and windows are those of UTC, whatever the time zone of the machine.",
        (
            f"{_TIMES}summer_time_moves_no_file_no_day_and_no_window",
            f"{_RECORD}a_window_that_cannot_be_is_bad_input",
        ),
    ),
    (
        42,
        "a leap second, or a time written as 23:59:60",
        "A repeated second changes no order; a time as text is a bad frame, as a window it is bad input.",
        (
            f"{_TIMES}order_is_that_of_arrival_whatever_the_exchange_times_are[second repeated]",
            f"{_TIMES}a_time_as_text_is_a_bad_frame_and_not_the_end",
            f"{_TIMES}a_leap_second_is_no_time_of_day_for_a_window",
        ),
    ),
    (
        43,
        "midnight falls into a burst",
        "The receive time decides the file; none is lost or doubled, and each file has a snapshot of its own.",
        (
            f"{_TIMES}a_burst_over_midnight_is_in_two_files_without_a_loss_or_a_repeat",
            f"{_RECORDING}no_frame_of_a_burst_over_midnight_is_lost_doubled_or_in_the_wrong_file",
            f"{_FRAMES}each_utc_day_has_a_file_and_a_clock_that_steps_back_does_not_return_to_it",
        ),
    ),
    (
        44,
        "the disk is full, read-only or broken",
        "Lost frames are counted and alerted; when there is room again a line names the hole, and a replay has a GAP.",
        (
            f"{_RECORDING}a_disk_that_takes_nothing_costs_frames_and_leaves_a_line_behind",
            f"{_RECORDING}a_disk_that_is_full_at_the_start_is_a_hole_at_the_start",
            f"{_FRAMES}a_full_disk_is_one_clear_line_and_leaves_whole_members",
        ),
    ),
    (
        45,
        "the recorder is killed while it writes",
        "What was flushed can be read; the next start cuts the torn end off, and the hole in the ids is a GAP.",
        (
            f"{_FRAMES}what_a_killed_recorder_has_flushed_is_read",
            f"{_FRAMES}a_torn_end_is_cut_off_and_recording_continues",
            f"{_FRAMES}an_end_that_a_power_cut_left_unwritten_is_cut_off",
            f"{_TIMES}a_recording_that_was_killed_while_writing_continues_with_a_gap",
        ),
    ),
    (
        46,
        "two recorders write to one folder",
        "The second is refused with the process of the first; the lock of a dead one is taken over.",
        (
            f"{_RECORDING}a_second_recorder_is_refused_with_the_process_of_the_first",
            f"{_RECORDING}the_lock_of_a_killed_recorder_is_taken_over",
            f"{_RECORD}sigterm_ends_it_with_everything_on_disk_and_a_second_recorder_is_refused",
        ),
    ),
    (
        47,
        "the log or the disk is slower than the market",
        "What waits is bounded: beyond it is given up, counted, and becomes a GAP; the connection stays.",
        (
            f"{_BACKLOG}what_waits_for_a_log_that_takes_nothing_is_bounded_and_becomes_a_gap",
            f"{_ROOTS}a_live_source_gives_up_what_is_not_stored_and_goes_on_with_a_gap",
            f"{_LATE}what_waited_while_a_node_stood_still_is_given_up_for_a_gap",
            f"{_FRAMES}much_in_one_second_does_not_stay_in_memory",
        ),
    ),
    (
        48,
        "the venue drops us because we read too slowly",
        "What came is taken, the rest is a GAP and healed; depth that comes late is STALE before that.",
        (
            f"{_FAULTS}a_connection_that_is_cut_behind_a_flood_is_taken_up_to_the_cut",
            f"{_FEED_FAULTS}depth_that_was_held_up_is_stale_until_it_is_in_time",
        ),
    ),
    (
        49,
        "the venue accepts connections and closes them at once",
        "The pause doubles until a connection has lasted a minute, and 120 attempts in five minutes are the most.",
        (
            f"{_FAULTS}a_venue_that_accepts_and_closes_at_once_gets_no_tight_loop_of_attempts",
            f"{_CONNECTION}reconnecting_is_slower_each_time_until_a_connection_has_lasted_a_minute",
            f"{_PACING}a_budget_lets_only_so_many_through_in_any_window",
        ),
    ),
    (
        50,
        "a name does not resolve, a certificate does not hold, a proxy answers with a page",
        "Counted, logged with its cause, and tried again with a growing pause; no certificate is ever waived.",
        (
            f"{_SOCKET}a_name_that_does_not_resolve_is_looked_up_again",
            f"{_SOCKET}a_certificate_that_does_not_hold_is_never_accepted_and_tried_again",
            f"{_SOCKET}a_server_without_tls_is_not_spoken_to_in_plain_text",
            f"{_SOCKET}rest_refuses_a_certificate_that_does_not_hold",
            f"{_FAULTS}an_error_page_in_place_of_a_handshake_is_tried_again",
        ),
    ),
    (
        51,
        "an answer of REST is a page, an error, or empty",
        "A failure, whatever its status: counted and requested again; nothing of it reaches the feed.",
        (
            f"{_CLIENT}a_snapshot_that_fails_is_fetched_again",
            f"{_DEFINITIONS}what_is_no_exchange_info_is_counted_and_requested_again",
            f"{_MUTATED}an_answer_that_is_no_snapshot_is_refused",
            f"{_REST}what_fails_is_an_error_that_allows_another_try",
        ),
    ),
    (
        60,
        "compression, frames in fragments, pings between fragments",
        "Compression is not requested; fragments are one frame, and pings between them are answered.",
        (
            f"{_SOCKET}compression_is_not_requested_so_that_a_venue_that_has_it_sends_plain_frames",
            f"{_SOCKET}fragments_with_pings_between_them_are_one_frame",
        ),
    ),
)

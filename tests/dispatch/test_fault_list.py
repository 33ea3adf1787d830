"""The faults that the service and its builders are held against, each with the tests that show what comes of it.

A case without a test says why.
"""

import ast
import functools
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CLAIMS, SWEEP, ENDS, FAULTS = (f"dispatch/test_{name}.py" for name in ("claims", "sweep", "ends", "faults"))
FAIR, WAITING, HEALTH, LAB = (
    f"dispatch/test_{name}.py" for name in ("fairness", "waiting", "board_health", "builders")
)
AGENT, JOB, LOGS, WORK = (f"builders/test_{name}.py" for name in ("agent", "job", "logs", "workspace"))
SANDBOX, UPKEEP, REATTACH = (f"builders/test_{name}.py" for name in ("sandbox", "upkeep", "reattach"))
FROZEN = "dispatch/test_frozen.py"

CASES: dict[str, list[tuple[str, str]] | str] = {
    "1 two builders claim one job": [(CLAIMS, "test_two_builders_that_claim_one_job_at_once_get_one_lease")],
    "2 the answer to a claim is lost": [
        (CLAIMS, "test_the_same_claim_gets_the_same_lease_until_it_is_accepted"),
        (AGENT, "test_a_claim_whose_answer_was_lost_is_asked_again_with_the_same_id"),
    ],
    "3 a lease is not accepted": [
        (SWEEP, "test_a_lease_that_nobody_accepted_lapses_and_the_job_is_the_next_one_again"),
        (FAIR, "test_a_job_that_is_tried_again_keeps_its_place_in_front_of_its_line"),
    ],
    "4 beats stop": [
        (SWEEP, "test_a_lost_lease_ends_its_attempt_and_the_job_runs_elsewhere"),
        (HEALTH, "test_a_lost_builders_board_is_in_doubt_until_its_check_passes"),
    ],
    "5 the lost builder goes on talking": [
        (SWEEP, "test_what_a_lost_builder_still_says_changes_nothing"),
        (SWEEP, "test_a_stale_epoch_is_refused_everywhere"),
    ],
    "6 a builder is cut off for ten minutes": [
        (AGENT, "test_a_builder_without_contact_lets_go_of_the_board_before_its_lease_ends"),
        (SWEEP, "test_a_lost_builders_board_is_not_given_away_before_the_builder_must_know"),
    ],
    "7 a builder is cut off for half a minute": [
        (AGENT, "test_a_job_is_unharmed_by_a_short_network_cut"),
        (SWEEP, "test_a_short_silence_harms_nothing"),
    ],
    "8 web is killed between the pop and the commit": [
        (FAULTS, "test_a_web_process_killed_between_the_pop_and_the_commit_costs_no_job"),
    ],
    "9 web is killed between the row and RQ's finish": [
        (FAULTS, "test_a_web_process_killed_between_the_row_and_rqs_finish_finishes_once"),
    ],
    "10 web is restarted while jobs run": [(FAULTS, "test_jobs_go_on_while_their_web_process_is_replaced")],
    "11 Redis is killed and restarted": [(FAULTS, "test_a_redis_killed_and_restarted_loses_no_job")],
    "12 Redis is emptied": [
        (SWEEP, "test_a_redis_that_was_emptied_gets_its_jobs_back_in_their_order"),
        (SWEEP, "test_an_emptied_redis_knows_the_running_jobs_and_builders_again"),
    ],
    "13 the database is away during a finish": [
        (FAULTS, "test_a_database_that_goes_away_during_a_finish_gets_it_once_when_it_is_back"),
        (
            "acceptance/test_database_stopped.py",
            "test_a_result_comes_once_after_a_database_that_was_away_for_five_minutes_during_its_finish",
        ),
    ],
    "14 a finish is said three times": [
        (ENDS, "test_a_finish_said_three_times_is_one_transition"),
        (ENDS, "test_a_finish_may_be_repeated_but_not_changed"),
    ],
    "15 clocks are hours apart": [
        ("dispatch/test_clocks.py", "test_no_lease_is_lost_and_durations_are_right_when_clocks_are_hours_apart"),
    ],
    "16 a queued job is cancelled": [
        (CLAIMS, "test_a_cancelled_queued_job_is_never_handed_out"),
        (ENDS, "test_a_cancel_and_a_claim_at_the_same_moment_never_run_a_cancelled_job"),
    ],
    "17 a running job is cancelled": [
        (JOB, "test_a_running_sleep_is_cancelled_within_moments"),
        (ENDS, "test_a_cancel_reaches_a_running_job_at_once_by_the_held_wait"),
    ],
    "18 a script traps the signals": [(JOB, "test_a_script_that_refuses_to_end_is_killed_after_the_grace")],
    "19 a job leaves children behind": [(JOB, "test_nothing_that_a_job_starts_outlives_it")],
    "20 a cancel meets the natural end": [
        (ENDS, "test_a_cancel_and_an_end_at_the_same_moment_leave_one_terminal_state"),
    ],
    "21 a new push to a pull request with older jobs": [
        ("specs/test_triggers.py", "test_a_new_head_supersedes_what_waits_for_the_older_one"),
    ],
    "22 a fork bomb": [
        (
            "builders/test_fork_bomb.py",
            "test_a_fork_bomb_ends_at_the_limit_of_processes_while_beats_come_in_time",
        ),
        (SANDBOX, "test_a_hostile_script_is_contained_and_the_next_job_finds_nothing_of_it"),
    ],
    "23 a flood of output": [
        ("acceptance/test_log_flood.py", "test_a_flooded_log_is_cut_in_the_middle_and_costs_little_memory"),
    ],
    "24 output of any bytes": [
        (LOGS, "test_bytes_of_any_kind_arrive_as_they_are"),
        (ENDS, "test_a_log_keeps_its_bytes_whatever_they_are"),
        ("pages/test_hostile_text.py", "test_a_hostile_log_is_shown_and_nothing_of_it_obeyed"),
    ],
    "25 a part of a log repeated, overlapping, or missing": [(ENDS, "test_a_log_grows_by_offset")],
    "26 a secret in pieces": [
        (LOGS, "test_a_secret_is_masked_wherever_it_is_cut"),
        (LOGS, "test_every_line_of_a_long_secret_is_masked"),
    ],
    "27 a builder's disk is full": [
        (CLAIMS, "test_a_builder_without_room_on_its_disk_gets_no_job"),
        (UPKEEP, "test_a_full_disk_is_not_the_commits_fault"),
        (ENDS, "test_a_loss_of_infrastructure_is_tried_again_and_then_told"),
    ],
    "28 the service's log store is full": [
        (LOGS, "test_a_service_without_room_for_more_log_still_gets_the_end_of_the_job"),
    ],
    "29 a board is unplugged": [
        (
            "dispatch/test_boards_for_real.py",
            "test_a_board_that_is_unplugged_in_a_job_is_out_and_the_job_passes_on_another_one",
        ),
        (HEALTH, "test_a_job_whose_board_is_in_trouble_goes_to_another_one_of_the_type"),
    ],
    "30 a board's check fails twice": [
        (HEALTH, "test_a_check_that_fails_twice_takes_the_board_out_and_the_owner_hears_of_it_once"),
    ],
    "31 two builders host one board": [(HEALTH, "test_two_builders_that_name_one_device_are_told_apart")],
    "32 four boards, eight jobs": [(CLAIMS, "test_four_boards_run_four_jobs_at_a_time")],
    "33 tags that only one builder has, and none": [
        (CLAIMS, "test_only_a_board_with_all_the_tags_gets_the_job"),
        (WAITING, "test_a_job_that_no_registered_board_could_ever_run_ends_at_once_with_that_reason"),
    ],
    "34 two hundred jobs of one fork": [
        (FAIR, "test_one_job_of_another_repository_does_not_wait_for_two_hundred_of_one_fork"),
        (FAIR, "test_a_forks_owner_holds_no_more_boards_than_the_cap"),
    ],
    "35 a nightly job among pull requests": [
        (FAIR, "test_a_nightly_job_starts_within_two_hours_of_constant_pull_requests"),
    ],
    "36 drain, pause, resume": [
        (CLAIMS, "test_a_paused_builder_gets_nothing_and_a_resumed_one_everything"),
        (CLAIMS, "test_a_drained_builder_is_told_to_end_when_its_last_job_has_ended"),
        (UPKEEP, "test_drain_lets_the_job_finish_and_ends_the_agent"),
        (UPKEEP, "test_a_service_that_drains_the_builder_ends_its_agent"),
    ],
    "37 a revoked token": [
        (LAB, "test_a_wrong_or_revoked_token_is_refused"),
        (AGENT, "test_a_builder_whose_token_is_revoked_stops_its_jobs_and_ends"),
    ],
    "38 a token is renewed during a job": [
        (
            "builders/test_renewal.py",
            "test_a_renewed_token_is_in_the_file_before_it_is_used_and_the_job_in_hand_ends_well",
        ),
    ],
    "39 another attempt's right": [
        (LAB, "test_another_builders_attempt_is_forbidden_and_an_unknown_one_not_found"),
    ],
    "40 a fork's job looks around": [
        (SANDBOX, "test_a_hostile_script_is_contained_and_the_next_job_finds_nothing_of_it"),
        (SANDBOX, "test_an_untrusted_job_shares_neither_tree_nor_mirror_nor_home_with_trusted_ones"),
    ],
    "41 a fork that nobody approved": [
        (CLAIMS, "test_a_job_that_nobody_trusted_is_never_handed_out"),
        ("specs/test_approvals.py", "test_an_approval_by_comment_lets_exactly_this_commit_run"),
        ("specs/test_approvals.py", "test_the_next_push_awaits_an_approval_of_its_own"),
    ],
    "42 webhooks twice and in any order": [
        ("hostile/test_receiver.py", "test_s6_a_replayed_delivery_opens_nothing_again"),
        ("specs/test_triggers.py", "test_push_and_pull_request_of_one_commit_are_one_pipeline_in_any_order"),
        ("specs/test_triggers.py", "test_the_older_of_three_heads_in_disorder_never_cancels_the_newest"),
    ],
    "43 the commit's fault and ours": [
        (ENDS, "test_a_script_that_says_no_fails_the_job_without_a_retry"),
        (ENDS, "test_a_loss_of_infrastructure_is_tried_again_and_then_told"),
    ],
    "44 a job that ends three builders": [
        (FAIR, "test_a_job_that_is_lost_on_three_builders_is_suspect_and_the_builders_are_not"),
        (FAIR, "test_a_job_that_was_lost_is_tried_on_another_builder_first"),
    ],
    "45 a phase over its limit, or silent": [
        (JOB, "test_a_phase_limit_ends_the_job_as_timed_out"),
        (JOB, "test_a_script_that_falls_silent_is_ended_with_its_last_lines"),
    ],
    "46 too long in the queue": [
        (WAITING, "test_a_job_over_its_time_in_the_queue_is_red_only_if_the_board_was_there"),
        (WAITING, "test_a_builder_that_is_offline_makes_a_job_wait_and_no_more"),
    ],
    "47 a thousand idle builders": [
        (
            "dispatch/test_idle_builders.py",
            "test_idle_builders_cost_little_and_one_has_a_job_as_soon_as_it_comes",
        ),  # a hundred and fifty in `make test`, a thousand in `make test-all`; `make bench ARGS=idle` has the figures
    ],
    "48 the agent is killed": [
        (REATTACH, "test_a_job_goes_on_when_its_agent_is_killed_and_the_next_agent_knows_that_its_board_is_busy"),
        (REATTACH, "test_a_job_without_an_agent_reports_by_itself"),
        (REATTACH, "test_of_a_killed_job_process_nothing_is_left_and_its_board_gets_the_next_job"),
    ],
    "49 a change of the clock, and a downtime": [
        ("policy/test_cron.py", "test_a_time_that_the_clock_jumps_over_happens_once_all_the_same"),
        ("policy/test_cron.py", "test_a_time_that_comes_twice_happens_once"),
        ("specs/test_schedules.py", "test_many_missed_nights_are_caught_up_once"),
    ],
    "50 git answers with errors": [
        (WORK, "test_a_server_that_stays_in_trouble_ends_the_fetch"),
        (ENDS, "test_a_configuration_mistake_and_a_failed_fetch_are_not_tried_again"),
    ],
    "51 the forge takes no statuses for an hour": [
        ("specs/test_convergence.py", "test_a_forge_that_fails_in_every_way_ends_with_what_the_rows_say"),
    ],
    "52 a restored dump and an empty Redis": [
        ("dispatch/test_restored_dump.py", "test_a_dump_of_last_night_and_an_empty_redis_lose_no_job_and_no_history"),
    ],
    "53 a frozen process holds the maintenance": [
        (FROZEN, "test_a_frozen_sweeper_is_taken_over_and_does_no_harm_when_it_wakes"),
        (SWEEP, "test_one_process_sweeps_at_a_time"),
    ],
    "54 an old agent": [(LAB, "test_another_protocol_is_refused_before_the_body_is_read")],
}


def test_every_fault_has_its_tests_or_a_reason():
    assert [int(each.partition(" ")[0]) for each in CASES] == list(range(1, 55))
    assert all(CASES.values())


@pytest.mark.parametrize("fault", CASES, ids=[each.partition(" ")[0] for each in CASES])
def test_the_tests_of_a_fault_exist(fault):
    named = CASES[fault]
    tests = [] if isinstance(named, str) else named
    assert [(file, name) for file, name in tests if name not in names_in(file)] == []


@functools.cache
def names_in(file):
    """List the tests of a file."""
    found = ast.walk(ast.parse((TESTS / file).read_text()))
    return {each.name for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}

"""What the side of the forges is accepted by: each case with the tests that show it, on both forges where both have it.

What a forge has a part in is shown for each of the two; what begins where its words end, as the quota or the one
comment of fifty pipelines, for one.
"""

import pytest

from tests import listed

GIVEN, TRIGGERS, TRUST, STATUSES = (f"specs/test_{each}.py" for each in ("deliveries", "triggers", "trust", "statuses"))
COMMANDS, FAULTS, GRAMMAR, APPROVALS = (
    f"specs/test_{each}.py" for each in ("commands", "command_faults", "command_grammar", "approvals")
)
SECRETS, FOUND, COMMENTS, CHANGES = (
    f"specs/test_{each}.py" for each in ("webhook_secrets", "reconcile", "comments", "repository_changes")
)
QUEUE, LABELS, PULLS, IN_TIME = (
    f"specs/test_{each}.py" for each in ("merge_queue_and_reruns", "rule_triggers", "pull_request_events", "in_time")
)
GITLAB, CLIENTS, APP = "specs/test_gitlab_examples.py", "forges/test_clients.py", "forges/test_app.py"
DAY, TREES = "hostile/test_scripted_day.py", "builders/test_workspace.py"
COMPARISONS = "specs/test_comparisons.py"

CASES: dict[str, listed.Shown] = {
    # Receiving
    "1 a signed ping (GitHub alone has one)": [
        (GIVEN, "test_a_ping_is_answered_within_a_second_and_opens_nothing"),
        (CHANGES, "test_every_delivery_about_a_repository_shows_that_the_forge_reaches_us"),
    ],
    "2 every published example": [
        (
            "specs/test_github_examples.py",
            "test_every_example_is_answered_2xx_and_only_those_that_should_open_pipelines",
        ),
        (GITLAB, "test_every_kind_of_webhook_is_answered_2xx_and_only_those_that_should_open_pipelines"),
    ],
    "3 one delivery twice at once to two web processes": [
        (GIVEN, "test_one_delivery_sent_many_times_at_once_to_two_web_processes_is_one_pipeline"),
    ],
    "4 brought again after an error of ours": [
        (GIVEN, "test_with_the_database_away_the_forge_is_told_to_come_back"),
    ],
    "5 an unknown event, or action": [
        (GIVEN, "test_unknown_events_and_actions_are_kept_counted_and_lead_to_nothing"),
        (GITLAB, "test_every_kind_of_webhook_is_classified"),
    ],
    "6 a form, a missing header, no JSON": [
        (GIVEN, "test_only_json_is_taken"),
        (GIVEN, "test_a_genuine_delivery_without_its_headers_is_a_bad_request"),
        (GIVEN, "test_a_genuine_body_that_is_no_json_object_is_a_bad_request"),
        ("forges/test_parsing.py", "test_deep_nesting_is_malformed_and_no_crash"),
    ],
    "7 24 MiB are taken, 26 are not": [(GIVEN, "test_24_mib_are_taken_and_more_than_25_are_not")],
    "8 Redis away, the database away": [
        (GIVEN, "test_with_redis_away_a_delivery_is_kept_and_handled_later"),
        (GIVEN, "test_with_the_database_away_the_forge_is_told_to_come_back"),
        (FOUND, "test_after_an_outage_each_delivery_that_failed_is_brought_again_and_handled_once"),
    ],
    "9 an old and a new key": [
        (GIVEN, "test_every_configured_secret_is_accepted_and_no_other"),
        (SECRETS, "test_a_secret_is_changed_without_a_gap"),
    ],
    "10 a delivery of GitLab that concerns nobody": [
        (GITLAB, "test_every_kind_of_webhook_is_answered_2xx_and_only_those_that_should_open_pipelines"),
        (GIVEN, "test_unknown_events_and_actions_are_kept_counted_and_lead_to_nothing"),
    ],
    "11 GitLab's keys": [(GIVEN, "test_gitlab_keys_tell_deliveries_apart_and_the_events_uuid_does_not")],
    "12 GitLab's system hooks": [
        (TRIGGERS, "test_a_system_hook_counts_by_what_its_body_says"),
        (GITLAB, "test_the_instance_says_the_same_as_the_project"),
        (GITLAB, "test_every_kind_of_webhook_is_answered_2xx_and_only_those_that_should_open_pipelines"),
    ],
    # Triggers
    "13 a push": [(TRIGGERS, "test_a_pushed_branch_is_measured_at_the_commit_after_the_push")],
    "14 a branch at a known commit": [(TRIGGERS, "test_a_branch_made_at_a_known_commit_is_not_run_again")],
    "15 a branch or tag is gone": [
        (TRIGGERS, "test_a_deleted_branch_or_tag_takes_its_waiting_jobs_along_and_no_others"),
    ],
    "16 a forced push": [
        (TRIGGERS, "test_every_push_of_a_branch_is_measured_and_a_forced_one_supersedes_the_commit_it_took_away"),
        (TRIGGERS, "test_a_forced_push_to_gitlab_is_known_by_asking_which_commit_came_from_which"),
    ],
    "17 push and pull request of one commit": [
        (TRIGGERS, "test_push_and_pull_request_of_one_commit_are_one_pipeline_in_any_order"),
    ],
    "18 heads in reverse": [(TRIGGERS, "test_heads_delivered_in_reverse_end_with_the_newest_only")],
    "19 an outsider's fork": [
        (TRUST, "test_an_outsiders_pull_request_waits_and_its_status_says_where_to_look"),
        (COMMENTS, "test_a_fork_gets_one_comment_with_the_line_that_approves"),
    ],
    "20 a fork of somebody who may write": [
        (TRUST, "test_a_fork_runs_by_itself_when_author_and_sender_both_may_write"),
        (TRUST, "test_one_of_author_and_sender_alone_is_not_enough"),
    ],
    "21 drafts": [(TRIGGERS, "test_a_draft_runs_nothing_until_it_is_ready")],
    "22 a title edited, another base": [
        (PULLS, "test_an_edited_title_is_noise_and_an_edited_base_is_not"),
        (PULLS, "test_another_base_is_known_and_starts_nothing_twice"),
        (PULLS, "test_another_base_of_a_merge_request_is_known_too"),
    ],
    "23 closed, and merged": [
        (TRIGGERS, "test_a_closed_pull_request_ends_what_waits_and_a_reopened_one_starts_it_anew"),
        (TRIGGERS, "test_the_merge_of_a_pull_request_is_measured_on_the_base_branch"),
    ],
    "24 labels (GitLab's are read as shown by the last test)": [
        (LABELS, "test_a_label_runs_its_rule_each_time_it_is_set_and_is_taken_off_again"),
        (LABELS, "test_a_label_set_by_somebody_who_may_not_write_runs_nothing"),
        ("forges/test_parsing_talk.py", "test_gitlab_tells_of_several_new_labels_at_once"),
    ],
    "25 the merge queue (GitHub)": [
        (QUEUE, "test_a_merge_queues_commit_is_measured_once_and_trusted"),
        (QUEUE, "test_what_left_the_merge_queue_is_cancelled_also_what_runs"),
        (TRIGGERS, "test_pushes_of_the_merge_queue_are_left_to_their_own_event"),
    ],
    "26 a head that asks to be skipped": [
        (TRIGGERS, "test_a_push_whose_head_asks_to_be_skipped_opens_nothing_and_shows_nothing_green"),
        (COMMANDS, "test_a_head_whose_message_asks_to_skip_it_is_run_by_command"),
    ],
    "27 what changes on a merge request of GitLab": [
        (TRIGGERS, "test_a_merge_request_runs_when_opened_and_when_its_head_moves_and_not_for_its_metadata"),
        (TRIGGERS, "test_a_draft_runs_nothing_until_it_is_ready"),
    ],
    "28 nested groups and renames (every test of GitLab has a project three groups deep)": [
        (TRIGGERS, "test_a_merge_request_runs_when_opened_and_when_its_head_moves_and_not_for_its_metadata"),
        (CHANGES, "test_a_renamed_repository_is_the_same_and_its_old_name_leads_to_it"),
        (CHANGES, "test_gitlabs_system_hook_renames_a_project"),
    ],
    "29 an annotated tag": [(TRIGGERS, "test_an_annotated_tag_is_measured_and_shown_at_its_commit_first_of_all")],
    "30 four branches at once, and no hook": [
        (FOUND, "test_four_branches_that_no_hook_spoke_of_are_found_within_a_round"),
    ],
    "31 two hours away": [
        (FOUND, "test_after_an_outage_each_delivery_that_failed_is_brought_again_and_handled_once"),
        (FOUND, "test_failed_deliveries_are_asked_for_again_unless_they_came"),
    ],
    "32 a ref that lags behind its delivery (git alone)": [
        (TREES, "test_a_ref_that_is_still_at_an_older_commit_is_waited_for"),
        (TREES, "test_a_ref_that_stays_behind_is_never_built_in_place_of_the_commit"),
    ],
    "33 the button of a check (GitHub)": [(QUEUE, "test_a_rerun_of_one_check_tries_that_job_alone")],
    # Commands
    "34 run, with everything": [
        (COMMANDS, "test_a_run_covers_what_it_names_and_is_acknowledged"),
        (COMMANDS, "test_what_has_a_dash_is_left_out"),
        (GRAMMAR, "test_a_command_with_all_its_arguments_is_understood"),
        (FAULTS, "test_a_comment_is_acknowledged_within_five_seconds_also_while_the_forge_thinks_about_rights"),
    ],
    "35 wrong arguments": [
        (COMMANDS, "test_a_wrong_command_is_answered_once_and_nothing_is_queued"),
        (GRAMMAR, "test_a_wrong_command_is_told_what_would_be_right"),
    ],
    "36 compare": [
        (COMMANDS, "test_compare_queues_head_and_base_apart_for_a_builder_that_cannot_take_turns"),
        (COMPARISONS, "test_compare_queues_one_job_for_each_target_that_builds_both_commits"),
        (COMMANDS, "test_a_base_that_is_not_there_or_in_no_branch_of_ours_is_refused"),
    ],
    "37 two commands, the second wrong": [(COMMANDS, "test_of_two_commands_the_second_wrong_none_is_carried_out")],
    "38 line ends, spaces, capitals": [
        (GRAMMAR, "test_a_plain_line_that_begins_with_the_prefix_is_a_command"),
        (GRAMMAR, "test_what_a_reader_does_not_see_as_a_plain_line_is_no_command"),
    ],
    "39 approve": [
        (APPROVALS, "test_an_approval_by_comment_lets_exactly_this_commit_run"),
        (APPROVALS, "test_an_approval_of_another_commit_is_refused_with_the_head_quoted"),
    ],
    "40 approve in a review (GitHub; GitLab's names no commit)": [
        (APPROVALS, "test_a_command_in_a_review_needs_no_commit_as_the_review_has_one"),
        (APPROVALS, "test_a_review_of_an_older_commit_approves_nothing"),
        (APPROVALS, "test_gitlabs_approval_names_no_commit_and_counts_for_nothing"),
    ],
    "41 cancel": [
        (COMMANDS, "test_cancel_ends_ones_own_and_all_needs_the_right_to_write"),
        (IN_TIME, "test_a_cancelled_job_is_over_on_the_forge_ten_seconds_after_its_builder_stopped"),
    ],
    "42 retry": [(COMMANDS, "test_retry_tries_what_did_not_pass_and_a_second_one_is_the_same")],
    "43 comments elsewhere": [
        (COMMANDS, "test_comments_on_anything_but_pull_requests_do_nothing"),
        (COMMANDS, "test_a_comment_on_a_closed_pull_request_does_nothing_and_says_so_once"),
    ],
    "44 a comment brought again, and edited": [
        (COMMANDS, "test_the_same_comment_brought_again_or_edited_is_carried_out_once"),
    ],
    "45 the quota": [(COMMANDS, "test_more_than_the_quota_is_refused_and_said_once")],
    "46 help and status": [
        (COMMANDS, "test_help_is_for_everybody_and_not_said_again_and_again"),
        (COMMANDS, "test_status_brings_the_comment_up_to_date_and_tells_what_jobs_wait_for"),
    ],
    # Reporting
    "47 one call at a time, and the truth after any kill": [
        (STATUSES, "test_many_senders_at_once_post_each_status_once"),
        (DAY, "test_a_day_of_kills_ends_with_forge_and_rows_alike_and_each_command_carried_out_once"),
        (DAY, "test_a_worker_killed_at_the_weak_points_of_a_command_carries_it_out_and_answers_it_once"),
        ("hostile/test_hard_forge.py", "test_ten_minutes_of_errors_are_waited_out_and_then_made_up_for"),
    ],
    "48 long texts and addresses": [
        (STATUSES, "test_a_long_reason_with_emoji_becomes_140_characters"),
        (STATUSES, "test_an_address_that_gitlab_would_refuse_is_left_out"),
        (CLIENTS, "test_gitlab_gets_a_target_url_only_if_it_fits"),
    ],
    "49 limits": [
        (CLIENTS, "test_a_secondary_limit_silences_the_client"),
        (CLIENTS, "test_a_primary_limit_lasts_until_its_reset_and_not_for_ever"),
        (CLIENTS, "test_gitlabs_limit_is_no_sleep_in_the_call"),
        (STATUSES, "test_a_rate_limit_of_one_installation_leaves_the_others_alone"),
    ],
    "50 bad gateways, the cap, what is gone": [
        (STATUSES, "test_three_bad_gateways_and_then_it_is_delivered_once"),
        (STATUSES, "test_the_cap_on_statuses_of_a_commit_closes_the_row"),
        (STATUSES, "test_a_status_on_what_is_gone_is_given_up_with_a_reason"),
        (STATUSES, "test_what_is_refused_for_good_raises_one_alert_for_the_repository"),
    ],
    "51 a token that ends midway (GitHub)": [
        (APP, "test_a_token_that_github_refuses_is_replaced_once_and_then_waited_for"),
        (APP, "test_twenty_that_want_a_token_at_once_get_the_same_one"),
        (APP, "test_a_token_of_520_characters_is_shown_whole"),
    ],
    "52 GitLab: pending, running, success": [
        (STATUSES, "test_pending_running_and_success_in_quick_order_are_one_row_of_gitlab"),
        (STATUSES, "test_gitlabs_refusal_of_a_repeated_state_is_success"),
    ],
    "53 GitLab: 409": [
        (STATUSES, "test_gitlabs_conflict_is_tried_again_at_once"),
        (CLIENTS, "test_gitlabs_conflict_is_retried_three_times_at_most"),
    ],
    "54 GitLab: a fork": [
        (STATUSES, "test_a_fork_on_gitlab_shows_its_status_in_the_fork_or_else_in_the_project"),
        (COMMENTS, "test_where_gitlab_takes_no_status_the_note_says_it_all"),
        (COMMENTS, "test_a_merge_request_of_gitlab_has_one_note"),
    ],
    "55 GitLab: the token is another account's": [
        (STATUSES, "test_a_status_that_another_account_of_ours_began_is_reported_and_not_left_open_silently"),
    ],
    "56 lost, over its limit, cancelled, also across a restart": [
        (STATUSES, "test_each_end_of_a_job_is_said_in_the_forges_words"),
        (
            IN_TIME,
            "test_what_ended_while_the_service_was_away_is_told_when_it_is_back_and_what_is_tried_again_stays_pending",
        ),
    ],
    "57 one comment": [
        (COMMENTS, "test_fifty_pipelines_on_a_pull_request_make_one_comment"),
        (COMMENTS, "test_a_deleted_comment_is_written_again_once"),
    ],
    "58 a head that moves while a job runs": [
        (COMMENTS, "test_a_force_push_marks_the_comment_outdated_and_the_result_goes_to_its_own_commit"),
    ],
    "59 requests as GitHub describes them, below the configured address": [
        ("conftest.py", "_every_request_to_github_is_as_github_describes_it"),
        ("forges/test_described.py", "test_what_github_does_not_describe_is_noticed_also_when_the_answer_is_lost"),
        (TRIGGERS, "test_no_address_of_a_delivery_is_ever_called"),
    ],
    "60 names of statuses": [(STATUSES, "test_the_names_of_the_contexts_are_what_branch_protections_rely_on")],
    # Operations and safety
    "65 a right taken back": [
        (TRUST, "test_the_right_is_asked_live_each_time"),
        (COMMANDS, "test_a_right_taken_away_counts_at_the_next_comment"),
        (APPROVALS, "test_who_may_not_write_cannot_approve"),
    ],
}


def test_every_case_has_a_test():
    assert listed.numbers(CASES) == [*range(1, 61), 65]


@pytest.mark.parametrize("case", CASES, ids=[each.partition(" ")[0] for each in CASES])
def test_the_tests_of_a_case_exist(case):
    assert listed.missing(CASES[case]) == []

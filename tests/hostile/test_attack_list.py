"""The attacks that the service is held against, each with the tests that show the safe result."""

import pytest

from tests import listed

RECEIVER, COMMENTS, REPORTS = "hostile/test_receiver.py", "hostile/test_commands.py", "hostile/test_reporting.py"
CAPS, FLOODS = "hostile/test_caps.py", "hostile/test_intake.py"
STRANGERS, CHECKOUT = "hostile/test_trust.py", "hostile/test_checkout.py"
APPROVALS, TRUST, SECRETS = "specs/test_approvals.py", "specs/test_trust.py", "specs/test_webhook_secrets.py"
COMMANDS, GRAMMAR, GIVEN = "specs/test_commands.py", "specs/test_command_grammar.py", "specs/test_deliveries.py"

CASES: dict[str, listed.Shown] = {
    "S1 signature missing, malformed, wrong, of SHA-1 alone, or of another repository": [
        (RECEIVER, "test_s1_a_forged_signature_is_refused_and_nothing_is_kept_or_said_of_it"),
        (RECEIVER, "test_s1_a_right_sha1_signature_is_refused"),
        (SECRETS, "test_a_secret_of_one_repository_speaks_for_no_other"),
    ],
    "S2 signature of strange bytes, 10 kB long, or sent twice": [
        (RECEIVER, "test_s2_a_signature_of_strange_bytes_or_length_is_a_401_and_never_a_500"),
        (GIVEN, "test_a_signature_sent_twice_is_refused"),
    ],
    "S3 signature over the same JSON in other bytes": [
        (RECEIVER, "test_s3_a_signature_over_the_same_json_in_other_bytes_is_refused"),
    ],
    "S4 an empty secret, or none": [
        ("ground/test_settings.py", "test_an_empty_webhook_secret_is_refused"),
        (GIVEN, "test_a_forge_without_a_secret_refuses_every_delivery"),
        (RECEIVER, "test_s4_an_empty_secret_signs_nothing"),
    ],
    "S5 a ping without a signature": [(RECEIVER, "test_s5_a_ping_needs_a_signature_too")],
    "S6 a delivery replayed, also a day later": [
        (RECEIVER, "test_s6_a_replayed_delivery_opens_nothing_again"),
        (GIVEN, "test_a_delivery_replayed_a_day_later_opens_nothing_new"),
    ],
    "S7 another body under a known key": [
        (RECEIVER, "test_s7_another_body_under_the_same_key_is_not_processed_and_raises_an_alert"),
    ],
    "S8 the token of one project with the body of another": [
        (SECRETS, "test_a_projects_token_is_bound_to_it"),
        (SECRETS, "test_a_body_that_speaks_of_two_projects_speaks_for_none"),
    ],
    "S9 a repository made anew under a known name": [
        (RECEIVER, "test_s9_a_repository_made_anew_under_a_served_name_is_not_served_and_raises_an_alert"),
    ],
    "S10 addresses in payloads that lead elsewhere": [
        (RECEIVER, "test_s10_no_address_of_a_payload_is_called_or_kept"),
        ("builders/test_workspace.py", "test_an_address_that_is_no_address_is_never_given_to_git"),
    ],
    "S11 a next page on another host": [
        ("hostile/test_next_page.py", "test_s11_a_next_page_elsewhere_is_not_asked_for"),
        ("forges/test_clients.py", "test_the_token_goes_to_no_other_host"),
    ],
    "S12 branches named like options, commands, and worse": [
        ("specs/test_triggers.py", "test_a_strange_branch_name_that_git_allows_is_text_and_nothing_else"),
        ("specs/test_triggers.py", "test_a_branch_name_that_git_refuses_is_refused"),
        ("pages/test_hostile_text.py", "test_hostile_names_are_text_on_every_page"),
    ],
    "S13 a force push between the approval and its handling": [
        (COMMENTS, "test_a_push_that_wins_the_race_against_an_approval_is_not_approved"),
        (APPROVALS, "test_a_push_between_the_comment_and_its_handling_is_not_approved"),
        (APPROVALS, "test_an_approval_of_another_commit_is_refused_with_the_head_quoted"),
    ],
    "S14 approval of a short hash": [(COMMENTS, "test_a_short_hash_that_another_commit_could_share_is_refused")],
    "S15 a push after the approval": [
        (APPROVALS, "test_the_next_push_awaits_an_approval_of_its_own"),
        (TRUST, "test_a_push_after_the_approval_awaits_one_of_its_own"),
    ],
    "S16 an outsider pushes to the fork of a trusted author": [
        (TRUST, "test_one_of_author_and_sender_alone_is_not_enough"),
        (STRANGERS, "test_s16_who_pushes_to_the_fork_of_a_trusted_author_is_not_trusted_for_that"),
        ("specs/test_pull_request_events.py", "test_no_mark_of_a_maintainer_promotes_a_head_that_a_stranger_brought"),
    ],
    "S17 a maintainer updates the branch of an outsider": [
        (TRUST, "test_one_of_author_and_sender_alone_is_not_enough"),
        (STRANGERS, "test_s17_a_maintainers_update_branch_promotes_nothing"),
        (STRANGERS, "test_s17_nor_does_any_other_mark_a_maintainer_sets"),
    ],
    "S18 commits in a maintainer's name": [(TRUST, "test_the_names_written_on_a_commit_count_for_nothing")],
    "S19 a login registered anew": [
        (TRUST, "test_a_name_registered_anew_by_somebody_else_has_no_rights"),
        (APPROVALS, "test_a_name_registered_anew_cannot_approve"),
        (COMMANDS, "test_a_name_registered_anew_by_somebody_else_may_nothing"),
    ],
    "S20 a pull request whose fork is gone": [(TRUST, "test_a_pull_request_whose_fork_is_gone_is_not_trusted")],
    "S21 an impostor's commit": [
        (COMMENTS, "test_an_impostors_commit_is_run_for_nobody"),
        (APPROVALS, "test_a_commit_that_can_merely_be_found_is_not_run"),
    ],
    "S22 the forge does not say who may write": [
        ("specs/test_command_faults.py", "test_while_the_forge_does_not_say_nothing_runs_and_one_reply_says_so"),
        (APPROVALS, "test_while_the_forge_does_not_say_nothing_is_approved"),
        (TRUST, "test_while_the_forge_does_not_say_who_may_write_nothing_runs_and_it_is_asked_again"),
    ],
    "S23 a command in an edited comment": [
        (COMMENTS, "test_an_edited_comment_of_a_stranger_is_not_read_with_a_maintainers_rights"),
        (COMMANDS, "test_a_comment_that_somebody_else_sent_is_not_its_writers"),
    ],
    "S24 a command that no reader sees as one": [
        (COMMENTS, "test_a_maintainer_who_quotes_or_hides_a_command_gives_none"),
        (GRAMMAR, "test_what_a_reader_does_not_see_as_a_plain_line_is_no_command"),
    ],
    "S25 our own reply that quotes a command": [
        (COMMANDS, "test_our_own_reply_that_quotes_a_command_starts_nothing"),
        (GRAMMAR, "test_the_bots_own_reply_that_quotes_a_command_holds_none"),
    ],
    "S26 huge comments, and those that are slow to read": [
        (COMMENTS, "test_a_comment_of_sixty_five_thousand_characters_is_read_in_no_time_and_bounded"),
        (GRAMMAR, "test_no_comment_takes_long_to_read"),
    ],
    "S27 a pull request that chooses what runs for it": [
        ("specs/test_rules.py", "test_a_pull_request_does_not_choose_what_runs_for_it"),
        ("builders/test_job.py", "test_a_script_sees_its_job_and_nothing_of_the_builder"),
    ],
    "S28 a job that prints secrets": [
        ("builders/test_logs.py", "test_a_secret_is_masked_wherever_it_is_cut"),
        ("builders/test_agent.py", "test_the_token_is_nowhere_a_script_can_look"),
    ],
    "S29 a log of escapes, scripts, and a flood": [
        ("pages/test_hostile_text.py", "test_a_hostile_log_is_shown_and_nothing_of_it_obeyed"),
        ("acceptance/test_log_flood.py", "test_a_flooded_log_is_cut_in_the_middle_and_costs_little_memory"),
        (REPORTS, "test_s29_a_log_of_colours_scripts_and_nonsense_gives_only_plain_annotations"),
    ],
    "S30 a repository made to run something while it is fetched": [
        (CHECKOUT, "test_s30_a_commit_made_to_run_something_when_it_is_checked_out_runs_nothing"),
        (CHECKOUT, "test_s30_a_submodule_that_is_an_option_is_refused_with_the_whole_commit"),
        ("builders/test_workspace.py", "test_hooks_filters_and_settings_that_a_script_laid_are_not_obeyed"),
    ],
    "S31 reports for another attempt, after a cancel, or twice": [
        ("dispatch/test_builders.py", "test_another_builders_attempt_is_forbidden_and_an_unknown_one_not_found"),
        ("dispatch/test_sweep.py", "test_what_a_lost_builder_still_says_changes_nothing"),
        ("dispatch/test_ends.py", "test_a_finish_may_be_repeated_but_not_changed"),
    ],
    "S32 titles, branches and boards that write Markdown": [
        (REPORTS, "test_s32_a_hostile_title_or_reason_mentions_nobody_and_breaks_no_table"),
        ("specs/test_comments.py", "test_hostile_text_is_nothing_but_text"),
    ],
    "S33 U+0000 and lone surrogates": [(RECEIVER, "test_s33_a_nul_and_lone_surrogates_anywhere_are_taken_and_cleaned")],
    "S34 a body too large, too slow, or without a length": [
        (GIVEN, "test_24_mib_are_taken_and_more_than_25_are_not"),
        (GIVEN, "test_a_body_without_a_length_is_bounded_too"),
        (RECEIVER, "test_s34_a_slow_body_holds_up_nobody_else"),
        (FLOODS, "test_s34_large_bodies_at_once_are_refused_before_they_are_read_and_ordinary_ones_are_not"),
        (FLOODS, "test_s34_small_bodies_count_as_they_come_and_not_as_they_are_announced"),
        (FLOODS, "test_s34_a_body_that_does_not_come_ends_and_leaves_its_room"),
    ],
    "S35 a flood without signatures": [
        (RECEIVER, "test_s35_a_flood_of_unsigned_deliveries_writes_nothing_and_keeps_nothing"),
        (FLOODS, "test_s35_beside_a_thousand_unsigned_deliveries_a_second_authentic_ones_are_answered_at_once"),
    ],
    "S36 a signed delivery of GitLab that is old, or from the future": [
        (GIVEN, "test_gitlab_with_a_signing_key_takes_signed_deliveries_only_and_fresh_ones"),
    ],
    "S37 a shared token where a signing key is configured": [
        (GIVEN, "test_gitlab_with_a_signing_key_takes_signed_deliveries_only_and_fresh_ones"),
        (SECRETS, "test_a_project_with_a_signing_key_takes_nothing_that_is_only_named"),
    ],
    "S38 a command by who may only read": [
        (COMMENTS, "test_who_may_not_write_reaches_nothing_by_any_verb"),
        (COMMANDS, "test_who_may_only_read_or_sort_is_refused_once_and_then_silently"),
    ],
    "S39 a label by who may only sort": [
        ("specs/test_rule_triggers.py", "test_a_label_set_by_somebody_who_may_not_write_runs_nothing"),
        (APPROVALS, "test_a_label_approves_only_where_the_rules_name_it_and_who_may_write_set_it"),
    ],
    "S40 links made of the Host header": [
        (REPORTS, "test_s40_links_are_made_of_the_configured_address_and_never_of_the_host_asked_for"),
        ("specs/test_comments.py", "test_links_go_to_the_configured_address_whatever_host_was_asked"),
    ],
    "S41 a fork that asks to be skipped": [(STRANGERS, "test_s41_a_commit_that_asks_to_be_skipped_is_never_green")],
    "S42 a fork that floods the queue": [
        (STRANGERS, "test_s42_a_flood_of_pushes_leaves_at_most_one_waiting_pipeline_and_takes_on_thirty_commits"),
        (CAPS, "test_beyond_so_many_at_once_an_outsiders_pull_request_runs_nothing_and_says_so"),
        (CAPS, "test_many_authors_of_one_forks_owner_count_together"),
    ],
}


def test_every_attack_has_a_test():
    assert listed.numbers(CASES) == list(range(1, 43))


@pytest.mark.parametrize("attack", CASES, ids=[each.partition(" ")[0] for each in CASES])
def test_the_tests_of_an_attack_exist(attack):
    assert listed.missing(CASES[attack]) == []

"""What a page can do, the API can do: the table of both. A new page has to be entered here, as one of three things."""

from __future__ import annotations

from typing import Any

from flask import Flask

OPERATIONS: dict[str, str] = {
    # endpoint of the page → operations that do the same, separated by blanks
    "accounts.end_sign_in": "end_sign_in",
    "accounts.end_sign_ins": "end_sign_ins",
    "accounts.list_sign_ins": "list_sign_ins",
    "accounts.show_account": "show_me",
    "agendas.answer": "answer_event_invitation",
    "agendas.show_agenda": "show_agenda list_participations",
    "agendas.wish": "wish_for_meetings",
    "attachments.download": "read_attachment",
    "attachments.remove": "remove_attachment",
    "attachments.upload": "attach_file list_attachments",
    "capabilities.write_new": "create_capability",
    "channels.add": "add_channel",
    "channels.remove": "remove_channel",
    "channels.show": "list_channels",
    "channels.try_out": "try_channel",
    "deliveries.retry": "retry_delivery",
    "deliveries.show": "list_deliveries",
    "duplicates.list_pairs": "list_duplicates",
    "duplicates.settle": "settle_duplicate",
    "engagements.contacts": "reveal_engagement_contacts",
    "engagements.decide": "agree_to_engagement_participant remove_engagement_participant",
    "engagements.list_all": "list_engagements",
    "engagements.mark_task": "mark_engagement_task",
    "engagements.message": "send_engagement_message",
    "engagements.move": "move_engagement close_engagement",
    "engagements.next_step": "set_engagement_next_step",
    "engagements.note": "write_engagement_note",
    "engagements.propose": "propose_engagement_participant",
    "engagements.show": "show_engagement",
    "engagements.show_board": "list_engagements",
    "engagements.task": "add_engagement_task",
    "engagements.terms": "record_engagement_terms",
    "events.accept_wishes": "take_up_wishes",
    "events.change_meeting": "lock_meeting cancel_meeting",
    "events.compute": "compute_timetable",
    "events.do_register": "register_for_event",
    "events.move_event": "announce_event end_event",
    "events.place_meeting": "place_meeting",
    "events.publish": "publish_timetable",
    "events.show_event": "show_event",
    "events.show_list": "list_events",
    "events.show_run": "show_timetable",
    "events.show_timetable": "show_timetable",
    "events.stop": "stop_timetable",
    "events.want_meeting": "want_meeting",
    "experts.edit": "change_expert",
    "experts.list_library": "list_experts",
    "experts.show_expert": "show_expert",
    "exports.send_list": "list_needs list_capabilities list_organisations list_experts",
    "imports.cancel": "cancel_import",
    "imports.choose_columns": "choose_import_columns",
    "imports.confirm": "confirm_import",
    "imports.send_refused": "list_import_rows",
    "imports.show_import": "show_import list_import_rows",
    "imports.show_imports": "list_imports",
    "imports.show_progress": "show_import",
    "imports.upload": "start_import",
    "inbox.open_message": "mark_notification_read",
    "inbox.read_all": "mark_all_notifications_read",
    "inbox.show_inbox": "list_notifications",
    "interests.accept": "accept_interest",
    "interests.decline": "decline_interest",
    "interests.list_all": "list_interests",
    "interests.move": "withdraw_interest reopen_interest",
    "interests.show": "show_interest",
    "interests.write_new": "express_interest",
    "members.change_role": "change_member_role",
    "members.invite": "invite_colleague",
    "members.remove": "remove_member",
    "members.show": "list_members list_invitations",
    "members.withdraw": "withdraw_invitation",
    "models.activate": "activate_model_revision",
    "models.go_back": "roll_back_model",
    "models.list_all": "list_model_revisions",
    "needs.write_new": "create_need",
    "organisations.edit": "change_organisation",
    "organisations.list_library": "list_organisations",
    "organisations.show_organisation": "show_organisation",
    "own_data.choose_open_data": "change_own_data",
    "own_data.choose_suggestions": "change_own_data",
    "own_data.claim": "claim_expert",
    "own_data.empty": "empty_own_field",
    "own_data.erase": "erase_own_entry",
    "own_data.export": "read_own_data",
    "own_data.hide": "change_own_data",
    "own_data.show_own_data": "read_own_data",
    "posts.edit": "change_need change_capability",
    "posts.list_changes_of": "list_post_changes",
    "posts.list_mine": "list_needs list_capabilities",
    "posts.list_suggestions": "list_need_suggestions list_capability_suggestions",
    "posts.move": "publish_need submit_need withdraw_need pause_need resume_need renew_need close_need archive_need",
    "posts.open_for_interest": "open_post_for_interest",
    "posts.show_post": "show_need show_capability",
    "preferences.count_unread": "list_notifications",
    "preferences.show": "show_preferences change_preferences",
    "registrations.approve": "approve_registration",
    "registrations.list_waiting": "list_registrations",
    "registrations.refuse": "refuse_registration",
    "registrations.show": "show_registration",
    "reports.enter_value": "set_indicator_value",
    "reports.show_indicators": "list_indicators",
    "review.give_back": "return_need return_capability",
    "review.list_waiting": "list_needs list_capabilities",
    "review.publish": "publish_need publish_capability",
    "review.show_waiting": "show_need show_capability",
    "saved_filters.delete": "delete_filter",
    "saved_filters.save": "save_filter list_saved_filters",
    "search.show_results": "search",
    "suggestion_answers.decline": "answer_suggestion",
    "suggestion_answers.postpone": "answer_suggestion",
    "suggestion_answers.undo": "undo_suggestion_answer",
}

PAGE_ONLY: dict[str, str] = {
    # by design: what a program with a token must not do, what only eyes need, what is there without an account
    "accounts.change": "passwords: a token must not take an account over",
    "accounts.change_two_factor": "second factor: a token must not take an account over",
    "accounts.forgotten": "mailed link",
    "accounts.join": "mailed link",
    "accounts.reset": "mailed link",
    "accounts.show_two_factor": "second factor",
    "address_change.confirm": "mailed link",
    "address_change.drop": "address of the account: a token must not take it over",
    "address_change.show": "address of the account: a token must not take it over",
    "agendas.answer_one": "by the participant's mailed link",
    "agendas.say": "by the participant's mailed link",
    "agendas.send_agenda": "print",
    "agendas.show_calendar": "for calendar programs",
    "assets.send_asset": "style and scripts",
    "capabilities.preview": "help while writing",
    "events.open_door": "code at the door",
    "events.send_paper": "print",
    "events.show_code": "image",
    "events.show_print": "print",
    "home.show_home": "start page",
    "imports.send_template": "file for people",
    "live.stream_unread": "live count on pages",
    "needs.preview": "help while writing",
    "open_data.harvest": "open data",
    "open_data.send_feed": "open data",
    "open_data.send_open_data": "open data",
    "open_data.send_robots": "open data",
    "open_data.send_sitemap": "open data",
    "open_data.send_sitemap_index": "open data",
    "open_data.show_open_data": "open data",
    "ops.healthz": "operators",
    "ops.metrics": "operators",
    "ops.readyz": "operators",
    "own_data.close": "closing the account: a token must not end it",
    "preferences.stop": "mailed link",
    "privacy.show_assessment": "text",
    "privacy.show_register": "text",
    "registrations.choose_role": "before there is an account",
    "registrations.confirm": "mailed link",
    "registrations.enter": "before there is an account",
    "sessions.choose": "language of pages",
    "sessions.do_second_factor": "sign-in; `make_token` for programs",
    "sessions.do_sign_in": "sign-in; `make_token` for programs",
    "sessions.do_sign_out": "sign-in; `revoke_token` for programs",
    "sessions.show_sign_in": "sign-in",
    "single_sign_on.begin": "sign-in",
    "single_sign_on.finish": "sign-in",
    "unsent.drop": "help while writing",
    "unsent.keep": "help while writing",
}

NOT_YET = (
    # known to be missing; whoever adds the operation moves the line up
    "desk.",
    "engagements.download",
    "events.choose_pairs",
    "events.constrain",
    "events.edit",
    "events.engage",
    "events.invite",
    "events.keep_apart",
    "events.make_link_anew",
    "events.note_result",
    "events.send_invitations",
    "events.show_day",
    "events.show_meeting",
    "events.show_pairs",
    "events.show_participant",
    "events.show_people",
    "events.show_plan",
    "events.sign_in",
    "events.take_out",
    "events.write_new",
    "organisations.decide",
    "organisations.list_duplicates",
    "organisations.undo",
    "reports.",
    "rules.",
    "suggestion_inbox.",
    "users.",
    "works.",
)


def page_endpoints(app: Flask) -> set[str]:
    return {rule.endpoint for rule in app.url_map.iter_rules() if not rule.rule.startswith("/api/")}


def is_missing(endpoint: str) -> bool:
    return any(endpoint == one or (one.endswith(".") and endpoint.startswith(one)) for one in NOT_YET)


def test_every_page_is_in_the_table_once(app: Flask) -> None:
    pages = page_endpoints(app)
    known = {*OPERATIONS, *PAGE_ONLY}
    assert sorted(page for page in pages if page not in known and not is_missing(page)) == []
    assert set(OPERATIONS).isdisjoint(PAGE_ONLY)
    assert sorted(known - pages) == []
    assert [one for one in NOT_YET if not any(page == one or page.startswith(one) for page in pages)] == []


def test_the_operations_of_the_table_are_there(app: Flask, document: dict[str, Any]) -> None:
    described = {one["operationId"] for item in document["paths"].values() for one in _operations(item)}
    wanted = {name for names in OPERATIONS.values() for name in names.split()}
    assert sorted(wanted - described) == []


def _operations(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for key, one in item.items() if key in ("get", "post", "put", "patch", "delete")]

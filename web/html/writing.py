"""Writing a post: what the need pages and the capability pages have in common.

Nothing that was entered is ever lost: a wrong field, a conflict, a stale token and a sign-in that ended all lead to a
page that still holds the text.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from matching.documents import PostDocument, Side
from matching.errors import DuijieError, EditConflict, InvalidInput, NotAllowed, NotFound, PartUnavailable
from matching.models import Capability, Need, Organisation, Post, UnsentText
from matching.policy import Audience
from matching.queries.experts import list_experts_of
from matching.queries.posts import find_post, list_own_organisations, load_posts
from matching.queries.vocabularies import Vocabularies, load_vocabularies
from matching.services.coach import CoachFinding, coach_post
from matching.services.duplicates import AlikePost, find_alike
from matching.services.lifecycle import EDITABLE
from matching.services.posts import draft_capability, draft_need, edit_post, publish_post, submit_post
from matching.services.suggestions import preview_suggestions
from matching.services.unsent import drop_text, find_text, list_texts
from matching.services.unsent_files import give_files
from web.entered_posts import entered_facts, seen_by
from web.forms.posts import CapabilityForm, NeedForm
from web.forms.writing_steps import StepWalk
from web.languages import in_language
from web.reader import actor, ask_to_sign_in, audience, now, platform, rules_now
from web.suggestion_cards import ShownSuggestion, show_preview
from web.unsent_files import TEXT_ID, drop_asked_file, keep_sent_files, list_kept_files

WritingForm = NeedForm | CapabilityForm
Page = str | Response | tuple[str, int]

_PREVIEWED = 5
_ALIKE = 3
# Fields that a finding or a service names otherwise than the form does.
_FORM_FIELDS = {"money": "money_minimum", "expert_ids": "expert_ids", "contact": "contact_name"}


@dataclass(frozen=True, slots=True)
class Preview:
    """What stands beside the form: who might help, what the text still lacks, and which posts say the same already."""

    findings: list[CoachFinding]
    suggestions: list[ShownSuggestion]
    unavailable: bool
    too_little: bool
    alike: list[AlikePost]


def write_new(side: Side) -> Page:
    """The empty form, or the sent one."""
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
        organisations = list_own_organisations(reading, actor())
        kept = _text_to_continue(reading, side)
        form = _make_form(side, reading, vocabularies, organisations, None, kept)
        waiting = [] if kept or request.method != "GET" else list_texts(reading, actor(), side=side)
    if request.method == "GET":
        if kept is not None:
            return _render(form, None, organisations, vocabularies, draft_id=kept.id)
        _prefill(form)
        return _render(form, None, organisations, vocabularies, draft_id=str(uuid.uuid4()), waiting=waiting[:3])
    draft_id = request.form.get("draft_id", "")
    if not TEXT_ID.fullmatch(draft_id):
        draft_id = str(uuid.uuid4())
    wrong_files = keep_sent_files(draft_id)
    if drop_asked_file(draft_id):
        return _render(form, None, organisations, vocabularies, draft_id=draft_id)
    if wrong_files:
        # The page says which and why before anything goes on without them.
        return _render(form, None, organisations, vocabularies, draft_id=draft_id, wrong_files=wrong_files), 422
    if request.form.get("then") == "preview":
        return _render(form, None, organisations, vocabularies, draft_id=draft_id, with_preview=True)
    if (walk := _turn(form)) is not None:
        page = _render(form, None, organisations, vocabularies, draft_id=draft_id, walk=walk[0])
        return page if walk[1] else (page, 422)
    if not current_user.is_authenticated:
        # A wrong field is better told before signing in than after.
        if not form.validate():
            return _render(form, None, organisations, vocabularies, draft_id=draft_id), 422
        return ask_to_sign_in()
    if not organisations:
        raise NotAllowed(
            "post.no_organisation",
            "您的账号还没有可以代表发布的单位，请联系单位管理员或主管部门",
            message_en="Your account may not post for any organisation yet; please ask its owner or the staff",
        )
    if len(organisations) == 1 or not form.organisation_id.data:
        form.organisation_id.data = organisations[0].id
    if form.validate():
        if (sent_before := _own_post(draft_id)) is not None:
            return redirect(url_for("posts.show_post", post_id=sent_before.id))
        try:
            with platform().unit_of_work() as uow:
                post: Post
                if isinstance(form, NeedForm):
                    post = draft_need(uow, actor(), form.to_fields(), now(), post_id=draft_id)
                else:
                    post = draft_capability(uow, actor(), form.to_fields(), now(), post_id=draft_id)
        except InvalidInput as error:
            _attach(form, error)
        else:
            with platform().unit_of_work() as uow:
                give_files(uow, actor(), draft_id, post.id, now())
            _forget_text(draft_id)
            return _go_on(post)
    return _render(form, None, organisations, vocabularies, draft_id=draft_id), 422


def write_again(post_id: str) -> Page:
    """The form of a stored post, or the sent one."""
    with platform().reading() as reading:
        post = find_post(reading, post_id, audience(), now())
        if not (actor().may_edit_for(post.organisation_id) or actor().is_staff_for(post.region_code)):
            raise NotAllowed(
                "post.not_yours", "您不是这条信息所属单位的编辑人员", message_en="You do not edit for this organisation"
            )
        vocabularies = load_vocabularies(reading)
        side: Side = "need" if isinstance(post, Need) else "capability"
        kept = find_text(reading, actor(), post.id) if request.method == "GET" else None
        taken_up = kept if request.args.get("continue") else None
        form = _make_form(side, reading, vocabularies, [], post, taken_up)
    if request.method == "GET":
        if post.status not in EDITABLE:
            flash(_("这条信息当前状态下不能修改。"), "warning")
            return redirect(url_for("posts.show_post", post_id=post.id))
        if taken_up is not None:
            form.version.data = str(taken_up.base_version or post.version)
            return _render(form, post, [], vocabularies)
        form.show(post)
        _note_contact_read(post)
        return _render(form, post, [], vocabularies, waiting=[kept] if kept else [])
    if request.form.get("then") == "preview":
        return _render(form, post, [], vocabularies, with_preview=True)
    if (walk := _turn(form)) is not None:
        page = _render(form, post, [], vocabularies, walk=walk[0])
        return page if walk[1] else (page, 422)
    form.organisation_id.data = post.organisation_id
    if not form.validate():
        return _render(form, post, [], vocabularies), 422
    try:
        with platform().unit_of_work() as uow:
            stored = edit_post(uow, actor(), post.id, form.to_fields(post), form.expected_version(), now())
    except InvalidInput as error:
        _attach(form, error)
        return _render(form, post, [], vocabularies), 422
    except EditConflict:
        # The text stays; sending it again is a decision, made after a look at what the other one wrote.
        form.version.data = str(post.version)
        return _render(form, post, [], vocabularies, conflict=True), 409
    _forget_text(post.id)
    return _go_on(stored)


def _note_contact_read(post: Post) -> None:
    """The form holds the contact; that somebody of the staff reads it there is logged as everywhere."""
    if post.contact and post.organisation_id not in actor().organisation_roles:
        with platform().unit_of_work() as uow:
            uow.record(now(), actor().user_id, "contact.reveal", post.side, post.id, to="staff", through="edit")
            uow.commit()


def _turn(form: WritingForm) -> tuple[StepWalk, bool] | None:
    """The walk after a button that leads to another step, and whether it got there; None for any other button."""
    wanted = request.form.get("then", "")
    if not wanted.startswith(("next:", "step:")):
        return None
    walk = StepWalk(form)
    return walk, walk.go(wanted)


def _text_to_continue(reading: Session, side: Side) -> UnsentText | None:
    """The kept text that the address asks for, the reader's own and of this side."""
    if request.method != "GET" or not request.args.get("continue"):
        return None
    kept = find_text(reading, actor(), request.args["continue"][:64])
    return kept if kept is not None and kept.side == side and not kept.changes_post else None


def _forget_text(text_id: str) -> None:
    """What was sent need not be kept."""
    with platform().unit_of_work() as uow:
        drop_text(uow, actor(), text_id)


def preview(side: Side) -> str:
    """The column beside the form, for the text as it stands now."""
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
        organisations = list_own_organisations(reading, actor())
        form = _make_form(side, reading, vocabularies, organisations, None)
    return render_template(
        "posts/preview.html", preview=_preview(form, organisations), side=side, vocabularies=vocabularies
    )


def _make_form(
    side: Side,
    reading: Session,
    vocabularies: Vocabularies,
    organisations: Sequence[Organisation],
    post: Post | None,
    kept: UnsentText | None = None,
) -> WritingForm:
    """The form with what was sent, or with the text that was kept."""
    kind = NeedForm if side == "need" else CapabilityForm
    form: WritingForm = kind() if kept is None else kind(formdata=MultiDict([(one[0], one[1]) for one in kept.fields]))
    form.offer(vocabularies, organisations, post)
    if isinstance(form, CapabilityForm):
        ids = [post.organisation_id] if post is not None else [organisation.id for organisation in organisations]
        experts = {expert.id: expert for expert in list_experts_of(reading, ids, now())}
        if isinstance(post, Capability):
            experts |= {expert.id: expert for expert in post.experts}
        form.offer_experts(list(experts.values()))
        form.own_expert_ids = [expert.id for expert in experts.values() if expert.user_id == actor().user_id]
    return form


def _prefill(form: WritingForm) -> None:
    """A professor who writes about their own work stands behind it."""
    if isinstance(form, CapabilityForm) and current_user.is_authenticated:
        form.expert_ids.data = list(form.own_expert_ids)


def _own_post(post_id: str) -> Post | None:
    """The post a form was already sent as: the second of two clicks finds the first's."""
    with platform().reading() as reading:
        try:
            post = find_post(reading, post_id, audience(), now())
        except NotFound:
            return None
    return post if actor().may_edit_for(post.organisation_id) else None


def _go_on(post: Post) -> Response:
    """After saving: publish or hand in where that was asked for, then to the post's page."""
    if request.form.get("then") == "send" and post.status in ("draft", "returned"):
        try:
            with platform().unit_of_work() as uow:
                if may_publish(post):
                    publish_post(uow, actor(), post.id, now(), settings=platform().rules(uow.session).settings)
                    flash(_("已发布。匹配建议几秒钟后出现在下面。"), "info")
                else:
                    submit_post(uow, actor(), post.id, now())
                    flash(_("已提交审核。审核通过后会发布，并通知您。"), "info")
        except DuijieError as error:
            flash(in_language(error.message, error.message_en), "warning")
    elif post.status == "draft":
        flash(_("草稿已保存，只有本单位能看到。"), "info")
    else:
        flash(_("修改已保存。"), "info")
    return redirect(url_for("posts.show_post", post_id=post.id))


def may_publish(post: Post) -> bool:
    """Whether the actor publishes this post without a review."""
    if actor().is_staff_for(post.region_code):
        return True
    return not rules_now().settings.review_before_publication and actor().may_edit_for(post.organisation_id)


def _attach(form: WritingForm, error: InvalidInput) -> None:
    """Put a service's complaint at the field it names."""
    text = in_language(error.message, error.message_en)
    name = _FORM_FIELDS.get(error.where or "", error.where or "")
    if name in form:
        form[name].errors = [*form[name].errors, text]
    else:
        form.form_errors.append(text)


def _render(
    form: WritingForm,
    post: Post | None,
    organisations: Sequence[Organisation],
    vocabularies: Vocabularies,
    *,
    draft_id: str = "",
    with_preview: bool = False,
    conflict: bool = False,
    waiting: Sequence[UnsentText] = (),
    walk: StepWalk | None = None,
    wrong_files: Sequence[str] = (),
) -> str:
    if walk is None:
        walk = StepWalk(form)
        if wrong_files:
            walk.open_step_of("title")
        elif form.errors:
            walk.open_first_wrong()
        elif request.args.get("field"):
            walk.open_step_of(request.args["field"])
    organisation = post.organisation if post is not None else _chosen_organisation(form, organisations)
    return render_template(
        f"{'needs' if form.side == 'need' else 'capabilities'}/write.html",
        form=form,
        post=post,
        side=form.side,
        organisations=organisations,
        vocabularies=vocabularies,
        draft_id=draft_id,
        waiting=waiting,
        files=list_kept_files(draft_id),
        wrong_files=wrong_files,
        conflict=conflict,
        publishes=not rules_now().settings.review_before_publication,
        preview=_preview(form, organisations) if with_preview else None,
        walk=walk,
        notes=post.return_notes if post is not None and post.status == "returned" else {},
        entered=entered_facts(form),
        seen_by=seen_by(form, organisation.name if organisation is not None else ""),
    )


def _chosen_organisation(form: WritingForm, organisations: Sequence[Organisation]) -> Organisation | None:
    chosen = next((one for one in organisations if one.id == form.organisation_id.data), None)
    return chosen or (organisations[0] if organisations else None)


def _preview(form: WritingForm, organisations: Sequence[Organisation]) -> Preview:
    form.read_loosely()
    organisation = _chosen_organisation(form, organisations)
    document = form.to_document("preview", organisation)
    findings = coach_post(document, visibility=form.visibility.data or "public")
    if _says_too_little(document):
        return Preview(findings, [], unavailable=False, too_little=True, alike=[])
    reader: Audience = audience()
    # The stored form of the text that is being written is not a second post.
    itself = [request.form[name] for name in ("post_id", "draft_id") if request.form.get(name)]
    with platform().reading() as reading:
        alike = find_alike(reading, document, reader, now(), but=itself, limit=_ALIKE)
    try:
        found = preview_suggestions(platform(), document, reader, now(), limit=_PREVIEWED)
    except PartUnavailable:
        return Preview(findings, [], unavailable=True, too_little=False, alike=alike)
    with platform().reading() as reading:
        rows = load_posts(reading, [pair.other.id for pair in found], reader, now())
    shown = show_preview(document, found, rows, reader)
    return Preview(findings, shown, unavailable=False, too_little=False, alike=alike)


def _says_too_little(document: PostDocument) -> bool:
    return len(re.findall(r"\w", document.full_text)) < 4

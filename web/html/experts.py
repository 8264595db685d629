"""专家库: the list of experts, a person's page, and its editing."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.errors import EditConflict, InvalidInput, NotAllowed
from matching.models.organisation import ORGANISATION_KINDS
from matching.queries.libraries import (
    ExpertFilter,
    FacetCounts,
    count_expert_facets,
    count_libraries,
    list_experts,
    list_named_posts,
    list_shown_works,
)
from matching.queries.posts import may_see_organisation
from matching.queries.profiles import find_expert, list_regions
from matching.queries.saved_filters import list_saved_filters
from matching.queries.vocabularies import load_vocabularies
from matching.services.experts import edit_expert, is_own_entry, may_keep_expert, source_of
from web.facets import Facet, make_facet, make_region_facet, page_argument, sort_argument, text_argument
from web.forms.organisations import ExpertForm
from web.head import expert_head
from web.languages import in_language, term_label
from web.reader import actor, audience, now, platform, signed_in_only
from web.town_map import make_region_bars

experts = Blueprint("experts", __name__, url_prefix="/experts")


@experts.get("/")
def list_library() -> str:
    """The library with search, facets and counts."""
    filters = read_filter()
    sort = sort_argument()
    with platform().reading() as reading:
        facet_counts = count_expert_facets(reading, filters, audience(), now())
        regions = {region.code: region for region in list_regions(reading)}
        return render_template(
            "experts/list.html",
            region_bars=make_region_bars(regions, facet_counts["region"]),
            filters=filters,
            sort=sort,
            found=list_experts(reading, filters, audience(), now(), sort=sort, page=page_argument()),
            facet_list=_facets(reading, facet_counts),
            counts=count_libraries(reading, audience(), now()),
            saved=list_saved_filters(reading, actor().user_id, "experts"),
            vocabularies=load_vocabularies(reading),
        )


@experts.get("/<expert_id>")
def show_expert(expert_id: str) -> str:
    """Who it is, what they work on, how they may be reached; never an address or a number."""
    with platform().reading() as reading:
        profile = find_expert(reading, expert_id, audience(), now())
        expert = profile.expert
        own = is_own_entry(actor(), expert)
        keeper = may_keep_expert(reading, actor(), expert, now())
        posts = list_named_posts(reading, audience(), now(), expert_id=expert.id)
        return render_template(
            "experts/show.html",
            expert=expert,
            profile=profile,
            own=own,
            keeper=keeper,
            head=expert_head(reading, expert, [place for place, _relation in profile.organisations]),
            hidden=frozenset() if own else frozenset(expert.hidden_fields),
            posts=[(post, may_see_organisation(audience(), post)) for post in posts],
            works=list_shown_works(reading, expert.id),
            regions={region.code: region for region in list_regions(reading)},
            vocabularies=load_vocabularies(reading),
        )


@experts.route("/<expert_id>/edit", methods=["GET", "POST"])
@signed_in_only
def edit(expert_id: str) -> str | Response | tuple[str, int]:
    """The entry's form; each field says where it comes from."""
    with platform().reading() as reading:
        profile = find_expert(reading, expert_id, audience(), now())
        expert = profile.expert
        of_their_own = is_own_entry(actor(), expert) or any(
            place.id in actor().organisation_roles for place, _relation in profile.organisations
        )
        if not may_keep_expert(reading, actor(), expert, now()):
            raise NotAllowed("expert.not_yours", "您不能修改这位专家的资料", message_en="You do not keep this entry")
    form = ExpertForm()

    def render(*, conflict: bool = False) -> str:
        return render_template(
            "experts/edit.html",
            expert=expert,
            form=form,
            own=is_own_entry(actor(), expert),
            conflict=conflict,
            sources={name: source_of(expert, name) for name in form._fields},
        )

    if request.method == "GET":
        form.show(expert)
        if (expert.email or expert.phone) and not of_their_own:
            # The form holds address and number; that the staff reads them there is logged as everywhere.
            with platform().unit_of_work() as uow:
                uow.record(now(), actor().user_id, "contact.reveal", "expert", expert.id, to="staff", through="edit")
                uow.commit()
        return render()
    if not form.validate():
        return render(), 422
    try:
        with platform().unit_of_work() as uow:
            edit_expert(uow, actor(), expert.id, form.to_entry(), now(), expected_version=form.expected())
    except InvalidInput as error:
        form.attach(error, in_language(error.message, error.message_en))
        return render(), 422
    except EditConflict:
        form.version.data = str(expert.version)
        return render(conflict=True), 409
    flash(_("修改已保存。"), "info")
    return redirect(url_for("experts.show_expert", expert_id=expert.id))


def read_filter() -> ExpertFilter:
    """The list's restrictions as the address says them."""
    kind = request.args.get("organisation_kind")
    return ExpertFilter(
        text=text_argument("q") or "",
        region=text_argument("region", 12),
        field=text_argument("field"),
        organisation_kind=kind if kind in ORGANISATION_KINDS else None,
        organisation_id=text_argument("organisation", 64),
    )


def _facets(reading: Session, counts: FacetCounts) -> list[Facet]:
    vocabularies = load_vocabularies(reading)

    facets = [
        make_facet("field", _("研究方向"), counts["field"], str),
        make_facet(
            "organisation_kind",
            _("所在单位"),
            counts["organisation_kind"],
            lambda code: term_label(vocabularies, "organisation_kind", code),
        ),
        make_region_facet(reading, counts["region"]),
    ]
    return [facet for facet in facets if facet.choices]

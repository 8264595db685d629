"""企业库, 高校库, 科研机构库, 科技中介库: lists and pages of organisations, editing, merging of duplicates."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.errors import EditConflict, InvalidInput, NotFound
from matching.models import Organisation
from matching.models.organisation import ORGANISATION_KINDS
from matching.queries.libraries import (
    ExpertFilter,
    FacetCounts,
    OrganisationFilter,
    count_libraries,
    count_organisation_facets,
    find_cooperations,
    list_experts,
    list_named_posts,
    list_organisations,
)
from matching.queries.posts import may_see_organisation
from matching.queries.profiles import find_organisation, list_regions
from matching.queries.saved_filters import list_saved_filters
from matching.queries.vocabularies import Vocabularies, load_vocabularies
from matching.services.merges import call_different, list_merges, merge_organisations, propose_duplicates, undo_merge
from matching.services.organisations import ProfileFields, edit_organisation, may_edit_organisation
from web.facets import Facet, make_facet, make_region_facet, page_argument, sort_argument, text_argument
from web.forms.organisations import OrganisationForm
from web.languages import in_language, term_label
from web.reader import actor, audience, now, platform, signed_in_only, staff_only
from web.town_map import make_town_map

organisations = Blueprint("organisations", __name__, url_prefix="/organisations")

LIBRARY_LABELS: dict[str, Any] = {
    "enterprise": _l("企业库"),
    "university": _l("高校库"),
    "institute": _l("科研机构库"),
    "intermediary": _l("科技中介库"),
    "financier": _l("金融机构"),
    "government": _l("政府部门"),
    "experts": _l("专家库"),
}
LIBRARIES = ("enterprise", "university", "institute", "experts", "intermediary")
SORT_LABELS: dict[str, Any] = {"name": _l("按名称"), "posts": _l("按供需数量"), "recent": _l("按最近更新")}


@organisations.app_context_processor
def _labels() -> dict[str, Any]:
    return {"LIBRARY_LABELS": LIBRARY_LABELS, "LIBRARIES": LIBRARIES, "SORT_LABELS": SORT_LABELS}


@organisations.get("/")
def list_library() -> str:
    """One library with search, facets and counts."""
    kind = request.args.get("kind", "enterprise")
    if kind not in ORGANISATION_KINDS:
        raise NotFound("organisation.kind", "没有这个库", message_en="There is no such library")
    filters = read_filter()
    sort = sort_argument()
    with platform().reading() as reading:
        found = list_organisations(reading, filters, audience(), now(), sort=sort, page=page_argument())
        facet_counts = count_organisation_facets(reading, filters, audience())
        vocabularies = load_vocabularies(reading)
        regions = {region.code: region for region in list_regions(reading)}
        return render_template(
            "organisations/list.html",
            kind=kind,
            filters=filters,
            sort=sort,
            found=found,
            facet_list=_facets(vocabularies, reading, filters, facet_counts),
            town_map_of=make_town_map(vocabularies, regions, facet_counts["town"]),
            counts=count_libraries(reading, audience(), now()),
            regions=regions,
            saved=list_saved_filters(reading, actor().user_id, "organisations"),
            vocabularies=vocabularies,
        )


@organisations.get("/<organisation_id>")
def show_organisation(organisation_id: str) -> str | Response:
    """Who it is, what it wants or offers, its experts, what came of it here."""
    with platform().reading() as reading:
        organisation = find_organisation(reading, organisation_id, audience())
        if organisation.id != organisation_id:
            return redirect(url_for("organisations.show_organisation", organisation_id=organisation.id))
        posts = {
            side: [
                (post, may_see_organisation(audience(), post))
                for post in list_named_posts(
                    reading, audience(), now(), organisation_id=organisation.id, side=side, limit=10
                )
            ]
            for side in ("need", "capability")
        }
        return render_template(
            "organisations/show.html",
            organisation=organisation,
            posts=posts,
            experts=list_experts(
                reading, ExpertFilter(organisation_id=organisation.id), audience(), now(), sort="posts"
            ),
            cooperations=find_cooperations(reading, organisation.id, audience()),
            editor=may_edit_organisation(actor(), organisation),
            member=organisation.id in actor().organisation_roles,
            regions={region.code: region for region in list_regions(reading)},
            vocabularies=load_vocabularies(reading),
        )


@organisations.route("/<organisation_id>/edit", methods=["GET", "POST"])
@signed_in_only
def edit(organisation_id: str) -> str | Response | tuple[str, int]:
    """The profile's form; nothing that was entered is lost by a wrong field or a conflict."""
    with platform().reading() as reading:
        organisation = find_organisation(reading, organisation_id, audience())
        vocabularies = load_vocabularies(reading)
        regions = list_regions(reading)
    staff = actor().is_staff_for(organisation.region_code)
    form = OrganisationForm()
    form.offer(vocabularies, regions, organisation, staff=staff)

    def render(*, conflict: bool = False) -> str:
        return render_template(
            "organisations/edit.html", organisation=organisation, form=form, staff=staff, conflict=conflict
        )

    if not may_edit_organisation(actor(), organisation):
        with platform().unit_of_work() as uow:  # says why
            edit_organisation(uow, actor(), organisation.id, ProfileFields(name=organisation.name), now())
    if request.method == "GET":
        form.show(organisation)
        return render()
    if not form.validate():
        return render(), 422
    try:
        with platform().unit_of_work() as uow:
            entered = form.to_fields(organisation, staff=staff)
            edit_organisation(uow, actor(), organisation.id, entered, now(), expected_version=form.expected())
    except InvalidInput as error:
        form.attach(error, in_language(error.message, error.message_en))
        return render(), 422
    except EditConflict:
        form.version.data = str(organisation.version)
        return render(conflict=True), 409
    flash(_("修改已保存。"), "info")
    return redirect(url_for("organisations.show_organisation", organisation_id=organisation.id))


@organisations.get("/duplicates")
@staff_only
def list_duplicates() -> str:
    """Organisations that may be one, and what was decided."""
    with platform().reading() as reading:
        return render_template(
            "organisations/duplicates.html",
            proposals=propose_duplicates(reading, actor()),
            merges=list_merges(reading, actor()),
            vocabularies=load_vocabularies(reading),
        )


@organisations.post("/merges")
@staff_only
def decide() -> Response:
    """Merge those that are ticked into the one that is kept, or say that they are different."""
    kept = request.form.get("kept", "")
    others = [one for one in request.form.getlist("one") if one != kept]
    if not kept or not others:
        flash(_("请选择保留哪一个，并勾选要合并的单位。"), "warning")
        return redirect(url_for("organisations.list_duplicates"))
    different = request.form.get("decision") == "different"
    for other in others:
        try:
            with platform().unit_of_work() as uow:
                if different:
                    call_different(uow, actor(), kept, other, now())
                else:
                    merge_organisations(uow, actor(), kept, other, now())
        except InvalidInput as error:
            flash(in_language(error.message, error.message_en), "warning")
            return redirect(url_for("organisations.list_duplicates"))
    flash(_("已记下，不再提示。") if different else _("已合并，可以在下面撤销。"), "info")
    return redirect(url_for("organisations.list_duplicates"))


@organisations.post("/merges/<merge_id>/undo")
@staff_only
def undo(merge_id: str) -> Response:
    """Take a decision back."""
    with platform().unit_of_work() as uow:
        undo_merge(uow, actor(), merge_id, now())
    flash(_("已撤销。"), "info")
    return redirect(url_for("organisations.list_duplicates"))


def read_filter() -> OrganisationFilter:
    """The list's restrictions as the address says them."""
    kind = request.args.get("kind", "enterprise")
    return OrganisationFilter(
        kind=kind if kind in ORGANISATION_KINDS else "enterprise",
        text=text_argument("q") or "",
        region=text_argument("region", 12),
        town=text_argument("town", 40),
        stage=text_argument("stage", 40),
        industry=text_argument("industry", 10),
    )


def _facets(
    vocabularies: Vocabularies, reading: Session, filters: OrganisationFilter, counts: FacetCounts
) -> list[Facet]:
    facets = [
        make_facet("town", _("镇街"), counts["town"], lambda code: term_label(vocabularies, "town", code)),
        make_facet(
            "stage",
            _("企业阶段"),
            counts["stage"],
            lambda code: term_label(vocabularies, "organisation_stage", code),
        ),
        make_facet("industry", _("行业"), counts["industry"], lambda code: term_label(vocabularies, "industry", code)),
        make_region_facet(reading, counts["region"]),
    ]
    if filters.kind != "enterprise":
        facets = [facet for facet in facets if facet.name != "stage"]
    return [facet for facet in facets if facet.choices]


def organisation_name(organisation: Organisation) -> str:
    """The name in the page's language."""
    return in_language(organisation.name, organisation.name_en or "")

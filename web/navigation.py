"""What the header leads to: a few places in plain sight, the rest in groups that unfold.

To add a page: one `Place` in the group it belongs to. The order is that of questions: what is wanted, what is
offered, who is there; then one's own; then the desk of the staff.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from matching.services.import_jobs import importable_kinds
from web.languages import in_language
from web.reader import actor, is_staff


@dataclass(frozen=True, slots=True)
class Place:
    """A link; `here` is whether the page being shown belongs to it."""

    text: str
    url: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Places under one word. A group without `text` stands in plain sight."""

    text: str
    places: tuple[Place, ...]

    @property
    def here(self) -> bool:
        """Whether the page belongs to one of the places."""
        return any(place.here for place in self.places)


def navigation() -> list[Group]:
    """The groups that the reader has something in, in order."""
    on_search = request.endpoint == "search.show_results"
    side = request.args.get("type", "need")
    groups = [
        Group(
            "",
            (
                Place(_("技术需求"), url_for("search.show_results", type="need"), on_search and side != "capability"),
                Place(
                    _("技术供给"), url_for("search.show_results", type="capability"), on_search and side == "capability"
                ),
                Place(
                    in_language("对接会", "Events"),
                    url_for("events.show_list"),
                    request.blueprint in ("events", "agendas"),
                ),
            ),
        ),
        Group(_("资源库"), _libraries()),
        Group(
            _("发布信息"),
            (
                Place(_("发布需求"), url_for("needs.write_new"), request.endpoint == "needs.write_new"),
                Place(_("发布供给"), url_for("capabilities.write_new"), request.endpoint == "capabilities.write_new"),
            ),
        ),
        Group(_("我的"), _own_places()),
        Group(_("工作台"), _staff_places()),
    ]
    return [group for group in groups if group.places]


def _libraries() -> tuple[Place, ...]:
    listed = request.endpoint == "organisations.list_library"
    kind = request.args.get("kind", "enterprise")

    def library(text: str, name: str) -> Place:
        return Place(text, url_for("organisations.list_library", kind=name), listed and kind == name)

    return (
        library(_("企业库"), "enterprise"),
        library(_("高校库"), "university"),
        library(_("科研机构库"), "institute"),
        Place(_("专家库"), url_for("experts.list_library"), request.endpoint == "experts.list_library"),
        library(_("科技中介库"), "intermediary"),
    )


def _own_places() -> tuple[Place, ...]:
    if not current_user.is_authenticated:
        return ()
    places = [
        Place(_("我的供需"), url_for("posts.list_mine"), request.endpoint == "posts.list_mine"),
        Place(_("给我的建议"), url_for("suggestion_inbox.show_feed"), request.blueprint == "suggestion_inbox"),
        Place(_("我的意向"), url_for("interests.list_all"), request.blueprint == "interests"),
        Place(_("对接进展"), url_for("engagements.list_all"), request.endpoint == "engagements.list_all"),
    ]
    if importable_kinds(actor()):
        places.append(Place(_("导入"), url_for("imports.show_imports"), request.blueprint == "imports"))
    places.append(Place(_("我的个人信息"), url_for("own_data.show_own_data"), request.blueprint == "own_data"))
    return tuple(places)


def _staff_places() -> tuple[Place, ...]:
    if not is_staff():
        return ()
    return (
        Place(_("待办"), url_for("desk.show_desk"), request.blueprint == "desk"),
        Place(_("我跟的洽谈"), url_for("hosting.show_hosting"), request.blueprint == "hosting"),
        Place(_("审核"), url_for("review.list_waiting"), request.blueprint == "review"),
        Place(
            _("注册审核"),
            url_for("registrations.list_waiting"),
            (request.endpoint or "").startswith("registrations.") and request.path.startswith("/registrations/"),
        ),
        Place(_("投递"), url_for("deliveries.show"), request.blueprint == "deliveries"),
        Place(_("重复信息"), url_for("duplicates.list_pairs"), request.blueprint == "duplicates"),
        Place(_("排序模型"), url_for("models.list_all"), request.blueprint == "models"),
        Place(
            _("重复单位"),
            url_for("organisations.list_duplicates"),
            request.endpoint == "organisations.list_duplicates",
        ),
        Place(_("阶段看板"), url_for("engagements.show_board"), request.endpoint == "engagements.show_board"),
        *(
            (Place(_("账号管理"), url_for("users.show_list"), request.blueprint == "users"),)
            if actor().is_administrator
            else ()
        ),
        Place(_("统计报告"), url_for("reports.show_report"), request.blueprint == "reports"),
        Place(_("规则"), url_for("rules.show_values"), request.blueprint == "rules"),
    )

"""Version 1: one blueprint a noun."""

from __future__ import annotations

from web.api.document import Noun
from web.api.v1 import event_desk as _more_of_events  # noqa: F401 - declares what the staff do with events
from web.api.v1 import report_rows as _more_of_reports  # noqa: F401 - declares the rows behind the figures
from web.api.v1.attachments import attachments
from web.api.v1.capabilities import capabilities
from web.api.v1.channels import channels
from web.api.v1.desk import desk
from web.api.v1.duplicates import duplicates
from web.api.v1.engagements import engagements
from web.api.v1.events import events
from web.api.v1.experts import experts
from web.api.v1.imports import imports
from web.api.v1.indicators import indicators
from web.api.v1.interests import interests
from web.api.v1.me import me
from web.api.v1.members import members
from web.api.v1.needs import needs
from web.api.v1.notifications import notifications
from web.api.v1.organisation_merges import organisation_merges
from web.api.v1.organisations import organisations
from web.api.v1.own_data import own_data
from web.api.v1.posts import posts
from web.api.v1.preferences import preferences
from web.api.v1.reports import reports
from web.api.v1.rules import rules
from web.api.v1.saved_filters import saved_filters
from web.api.v1.search import search
from web.api.v1.sign_ins import sign_ins
from web.api.v1.staff import deliveries, model_revisions, registrations
from web.api.v1.suggestions import suggestions
from web.api.v1.tokens import tokens
from web.api.v1.users import users
from web.api.v1.vocabularies import vocabularies
from web.api.v1.wishes import wishes
from web.api.v1.works import works

NOUNS: tuple[Noun, ...] = (
    tokens,
    me,
    own_data,
    sign_ins,
    preferences,
    channels,
    saved_filters,
    members,
    needs,
    capabilities,
    posts,
    attachments,
    imports,
    suggestions,
    wishes,
    interests,
    engagements,
    duplicates,
    events,
    search,
    notifications,
    organisations,
    organisation_merges,
    experts,
    works,
    vocabularies,
    rules,
    desk,
    reports,
    registrations,
    indicators,
    deliveries,
    model_revisions,
    users,
)

"""The tables, one module a noun."""

from matching.models.api_token import ApiToken, IdempotencyKey
from matching.models.attachment import Attachment, UnsentFile
from matching.models.base import Base
from matching.models.delivery import Channel, Delivery, NotificationPreference
from matching.models.desk import Assignment, BulkAction, StaffNote
from matching.models.draft import PostRevision, SavedFilter, UnsentText
from matching.models.duplicate import DuplicatePair, PostFingerprint
from matching.models.engagement import (
    Engagement,
    EngagementFile,
    EngagementMessage,
    EngagementNote,
    EngagementParticipant,
    EngagementStep,
    EngagementTask,
)
from matching.models.event import Event, EventParticipant, EventSeparation, EventSlot, EventWish, TimetableRun
from matching.models.expert import Affiliation, Expert
from matching.models.import_job import ImportJob, ImportRow, RememberedColumns
from matching.models.indicator import Indicator, IndicatorValue, SpecialDay
from matching.models.interest import Interest, SuggestionAnswer
from matching.models.invitation import AccountLink, Invitation, LinkedIdentity, Registration
from matching.models.meeting import Meeting, MeetingFeedback, MeetingInvitation
from matching.models.merge import ErasedPerson, OrganisationMerge
from matching.models.model_revision import ModelRevision
from matching.models.notification import Notification
from matching.models.open_record import OpenRecord
from matching.models.organisation import Membership, Organisation
from matching.models.outbox import AuditEntry, CachedVector, OutboxEntry, StoredBlob
from matching.models.post import Capability, CapabilityExpert, Need, Post, PostTag
from matching.models.region import Region, VocabularyTerm
from matching.models.report import NeedPartner, NeedProgress, ReportTally, SuggestionTally
from matching.models.rules import RuleChange, RuleState, RuleValue
from matching.models.suggestion import Suggestion
from matching.models.two_factor import AttemptCounter, RecoveryCode, TwoFactor
from matching.models.user import User, UserSession
from matching.models.wish import SuggestionVisit, SuggestionWish
from matching.models.work import ExpertWork, Work

__all__ = [
    "AccountLink",
    "Affiliation",
    "ApiToken",
    "Assignment",
    "Attachment",
    "AttemptCounter",
    "AuditEntry",
    "Base",
    "BulkAction",
    "CachedVector",
    "Capability",
    "CapabilityExpert",
    "Channel",
    "Delivery",
    "DuplicatePair",
    "Engagement",
    "EngagementFile",
    "EngagementMessage",
    "EngagementNote",
    "EngagementParticipant",
    "EngagementStep",
    "EngagementTask",
    "ErasedPerson",
    "Event",
    "EventParticipant",
    "EventSeparation",
    "EventSlot",
    "EventWish",
    "Expert",
    "ExpertWork",
    "IdempotencyKey",
    "ImportJob",
    "ImportRow",
    "Indicator",
    "IndicatorValue",
    "Interest",
    "Invitation",
    "LinkedIdentity",
    "Meeting",
    "MeetingFeedback",
    "MeetingInvitation",
    "Membership",
    "ModelRevision",
    "Need",
    "NeedPartner",
    "NeedProgress",
    "Notification",
    "NotificationPreference",
    "OpenRecord",
    "Organisation",
    "OrganisationMerge",
    "OutboxEntry",
    "Post",
    "PostFingerprint",
    "PostRevision",
    "PostTag",
    "RecoveryCode",
    "Region",
    "Registration",
    "RememberedColumns",
    "ReportTally",
    "RuleChange",
    "RuleState",
    "RuleValue",
    "SavedFilter",
    "SpecialDay",
    "StaffNote",
    "StoredBlob",
    "Suggestion",
    "SuggestionAnswer",
    "SuggestionTally",
    "SuggestionVisit",
    "SuggestionWish",
    "TimetableRun",
    "TwoFactor",
    "UnsentFile",
    "UnsentText",
    "User",
    "UserSession",
    "VocabularyTerm",
    "Work",
]

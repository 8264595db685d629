"""The tables, one module a noun."""

from matching.models.api_token import ApiToken, IdempotencyKey
from matching.models.base import Base
from matching.models.expert import Affiliation, Expert
from matching.models.notification import Notification
from matching.models.organisation import Membership, Organisation
from matching.models.outbox import AuditEntry, CachedVector, OutboxEntry, StoredBlob
from matching.models.post import Capability, CapabilityExpert, Need, Post, PostTag
from matching.models.region import Region, VocabularyTerm
from matching.models.suggestion import Suggestion
from matching.models.user import User, UserSession

__all__ = [
    "Affiliation",
    "ApiToken",
    "AuditEntry",
    "Base",
    "CachedVector",
    "Capability",
    "CapabilityExpert",
    "Expert",
    "IdempotencyKey",
    "Membership",
    "Need",
    "Notification",
    "Organisation",
    "OutboxEntry",
    "Post",
    "PostTag",
    "Region",
    "StoredBlob",
    "Suggestion",
    "User",
    "UserSession",
    "VocabularyTerm",
]

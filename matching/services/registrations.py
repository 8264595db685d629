"""注册申请: somebody asks for an account, confirms the address by mail, and the staff approves the organisation.

Until the approval there is no account: whoever registers sees what every visitor sees. What is answered does not depend
on whether the address is known. The password is chosen with the mailed link, not before: otherwise somebody else could
enter the address with a password of theirs and wait for its owner to confirm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import Expert, Membership, Organisation, Region, Registration, User
from matching.models.invitation import REGISTRATION_ROLES
from matching.notifying.account_notices import tell_owners, tell_staff
from matching.organisation_code import check_uscc
from matching.services.account_links import find_link, make_link, use_link
from matching.services.accounts import (
    MEMBER_ROLES,
    MOST_REQUESTS_OF_ONE_ORIGIN,
    clean_email,
    may_be_mailed,
)
from matching.services.actor import Actor
from matching.services.attempts import note_attempt, origin_of, require_few
from matching.services.deliveries import owe_delivery
from matching.services.organisations import ExpertFields, OrganisationFields, make_expert, make_organisation
from matching.services.passwords import check_password, hash_password
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

CONFIRM_LIFE = timedelta(hours=48)
NAME_LENGTH = 80
NOTE_LENGTH = 1000
REASON_LENGTH = 1000

KINDS_OF_ROLE: dict[str, tuple[str, ...]] = {
    "enterprise": ("enterprise",),
    "researcher": ("university", "institute", "enterprise"),
    "institution": ("university", "institute"),
    "broker": ("intermediary", "financier"),
}
"""Which kinds of organisation a role comes with; the first is assumed."""

_CODE_NEEDED = ("enterprise", "institution", "broker")
_OUTSIDE_THE_CODE = ("71", "81", "82")
"""Regions whose organisations have no 统一社会信用代码."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFields:
    """What is asked for, as entered."""

    role: str
    email: str
    name: str
    organisation_name: str
    region_code: str
    organisation_kind: str = ""
    title: str = ""
    uscc: str = ""
    town: str | None = None
    note: str = ""
    locale: str = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What the staff decides on: into which organisation, as what, and which expert the person is."""

    organisation_id: str | None = None
    """None: the organisation is new."""
    member_role: str = "editor"
    expert_id: str | None = None
    """For researchers who stand in the library already; None: a new entry."""


def register(uow: UnitOfWork, entered: RegistrationFields, now: datetime, *, origin: str | None = None) -> str | None:
    """Take a registration and mail a link to confirm the address; an address with an account is mailed that instead.

    Returns the id of the link, or None where the address has an account: for tests and the demonstration, never to be
    shown where mail works. Raises InvalidInput naming the field, TooManyAttempts for an origin that does it too often.
    """
    row = _checked(uow.session, entered, now)
    if origin is not None:
        place = origin_of(origin)
        require_few(uow.session, "register", place, now, most=MOST_REQUESTS_OF_ONE_ORIGIN)
        note_attempt(uow.session, "register", place, now, span=timedelta(hours=1))
    note_attempt(uow.session, "register_mail", row.email, now, span=timedelta(hours=1))
    mailed = may_be_mailed(uow.session, "register_mail", row.email, now)
    known = uow.session.scalar(select(User.id).where(User.email == row.email))
    waiting = uow.session.scalar(
        select(Registration.id).where(Registration.email == row.email, Registration.state == "waiting")
    )
    link_id = None
    if known is not None or waiting is not None:
        kind = "already_registered" if known is not None else "registration_waiting"
        if mailed:
            owe_delivery(
                uow.session,
                kind=kind,
                once_key=f"{kind}:{known or waiting}:{shanghai_day(now).isoformat()}",
                address=row.email,
                payload={"language": row.locale},
                now=now,
            )
    else:
        # A second try replaces the first: whoever reads the mail decides which.
        uow.session.execute(
            delete(Registration).where(Registration.email == row.email, Registration.state == "unconfirmed")
        )
        uow.session.add(row)
        uow.session.flush()
        link_id = make_link(uow.session, "confirm", row.id, now, life=CONFIRM_LIFE)
        if mailed:
            owe_delivery(
                uow.session,
                kind="confirm_registration",
                once_key=f"confirm_registration:{link_id}",
                address=row.email,
                payload={"link_id": link_id, "language": row.locale},
                now=now,
            )
        uow.record(now, None, "registration.enter", "registration", row.id, role=row.role)
    uow.commit()
    return link_id


def find_unconfirmed(session: Session, settings: Settings, token: str, now: datetime) -> Registration:
    """The registration that a mailed link is about; raises NotFound for a link that does not work."""
    return _load(session, find_link(session, settings, "confirm", token, now))


def confirm_registration(uow: UnitOfWork, settings: Settings, token: str, password: str, now: datetime) -> Registration:
    """Confirm the address by the mailed link, which is spent, and choose the password; now the staff sees it."""
    row = _load(uow.session, use_link(uow.session, settings, "confirm", token, now))
    if row.state != "unconfirmed":
        raise _moved_on()
    check_password(password, row.email, row.name)
    row.password_hash = hash_password(password)
    row.state = "waiting"
    row.confirmed_at = now
    tell_staff(uow.session, row.region_code, "registration_waiting", row.id, now)
    uow.record(now, None, "registration.confirm", "registration", row.id)
    uow.commit()
    return row


def approve_registration(uow: UnitOfWork, actor: Actor, registration_id: str, decided: Approval, now: datetime) -> User:
    """Make the account, and the organisation where it is new; the person is told by mail. Staff of the region only."""
    row = find_registration(uow.session, actor, registration_id)
    if row.state != "waiting":
        raise _moved_on()
    if decided.member_role not in MEMBER_ROLES:
        raise InvalidInput("member.role", "成员角色无效", where="member_role", message_en="Invalid member role")
    if uow.session.scalar(select(User.id).where(User.email == row.email)):
        raise InvalidInput(
            "user.email_taken", "该邮箱已有账号，请退回申请", where="email", message_en="The address has an account"
        )
    organisation = _organisation(uow, actor, row, decided, now)
    user = User(
        email=row.email, name=row.name, password_hash=row.password_hash, role="member", locale=row.locale,
        created_at=now,
    )  # fmt: skip
    uow.session.add(user)
    uow.session.flush()
    uow.session.add(
        Membership(user_id=user.id, organisation_id=organisation.id, role=decided.member_role, created_at=now)
    )
    if row.role == "researcher":
        _become_expert(uow, actor, row, decided.expert_id, user.id, organisation, now)
    row.state = "approved"
    row.decided_at = now
    row.decided_by = actor.user_id
    row.user_id = user.id
    row.organisation_id = organisation.id
    row.password_hash = ""
    if decided.organisation_id is not None:
        tell_owners(uow.session, organisation.id, "member_joined", user.id, now, but=user.id, name=row.name)
    owe_delivery(
        uow.session,
        kind="registration_approved",
        once_key=f"registration_approved:{row.id}",
        user_id=user.id,
        payload={"name": row.name, "organisation": organisation.name},
        now=now,
    )
    uow.record(
        now, actor.user_id, "registration.approve", "registration", row.id,
        user=user.id, organisation=organisation.id, role=decided.member_role,
    )  # fmt: skip
    uow.commit()
    return user


def refuse_registration(uow: UnitOfWork, actor: Actor, registration_id: str, reason: str, now: datetime) -> None:
    """Refuse with a reason, which is mailed; the person may register again."""
    row = find_registration(uow.session, actor, registration_id)
    if row.state != "waiting":
        raise _moved_on()
    text = reason.strip()
    if not 1 <= len(text) <= REASON_LENGTH:
        raise InvalidInput(
            "registration.reason",
            f"请写明不通过的原因（不超过 {REASON_LENGTH} 字）",
            where="reason",
            message_en=f"Please give the reason (at most {REASON_LENGTH} characters)",
        )
    row.state = "refused"
    row.decided_at = now
    row.decided_by = actor.user_id
    row.refusal = text
    row.password_hash = ""
    owe_delivery(
        uow.session,
        kind="registration_refused",
        once_key=f"registration_refused:{row.id}",
        address=row.email,
        payload={
            "language": row.locale,
            "name": row.name,
            "organisation": row.organisation_name,
            "reason": text,
        },
        now=now,
    )
    uow.record(now, actor.user_id, "registration.refuse", "registration", row.id, reason=text)
    uow.commit()


def find_registration(session: Session, actor: Actor, registration_id: str) -> Registration:
    """A confirmed registration of the actor's region; raises NotFound for others: guessing ids tells nothing."""
    row = session.get(Registration, registration_id)
    if row is None or row.state == "unconfirmed" or not actor.is_staff_for(row.region_code):
        raise _not_found()
    return row


def _checked(session: Session, entered: RegistrationFields, now: datetime) -> Registration:
    if entered.role not in REGISTRATION_ROLES:
        raise InvalidInput("registration.role", "请选择身份", where="role", message_en="Please choose who you are")
    kinds = KINDS_OF_ROLE[entered.role]
    kind = entered.organisation_kind or kinds[0]
    if kind not in kinds:
        raise InvalidInput(
            "registration.kind", "请选择单位类型", where="organisation_kind", message_en="Please choose the kind"
        )
    name = _line(entered.name, "name", "请填写姓名", "Please give your name", NAME_LENGTH)
    organisation = _line(
        entered.organisation_name,
        "organisation_name",
        "请填写单位全称",
        "Please give the full name",
        200,
    )
    region = session.get(Region, entered.region_code)
    if region is None:
        raise InvalidInput(
            "registration.region", "请选择所在地区", where="region_code", message_en="Please choose the region"
        )
    return Registration(
        role=entered.role,
        email=clean_email(entered.email),
        password_hash="",
        name=name,
        title=_line(entered.title, "title", "", "", NAME_LENGTH) or None,
        organisation_kind=kind,
        organisation_name=organisation,
        uscc=_code(entered),
        region_code=region.code,
        town=entered.town or None,
        note=entered.note.strip()[:NOTE_LENGTH],
        locale="en" if entered.locale == "en" else "zh",
        created_at=now,
    )


def _code(entered: RegistrationFields) -> str | None:
    if entered.uscc.strip():
        try:
            return check_uscc(entered.uscc)
        except InvalidInput as error:
            raise InvalidInput(error.code, error.message, where="uscc", message_en=error.message_en) from error
    if entered.role in _CODE_NEEDED and not entered.region_code.startswith(_OUTSIDE_THE_CODE):
        raise InvalidInput(
            "registration.uscc",
            "请填写统一社会信用代码（营业执照或法人证书上的 18 位）",
            where="uscc",
            message_en="Please give the unified social credit code (18 characters, on the licence)",
        )
    return None


def _line(text: str, where: str, missing: str, missing_en: str, most: int) -> str:
    line = " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", text).split())
    if not line and missing:
        raise InvalidInput(f"registration.{where}", missing, where=where, message_en=missing_en)
    if len(line) > most:
        raise InvalidInput(
            f"registration.{where}",
            f"不能超过 {most} 字",
            where=where,
            message_en=f"At most {most} characters",
        )
    return line


def _organisation(uow: UnitOfWork, actor: Actor, row: Registration, decided: Approval, now: datetime) -> Organisation:
    if decided.organisation_id is not None:
        found = uow.session.get(Organisation, decided.organisation_id)
        if found is None:
            raise InvalidInput(
                "registration.organisation",
                "没有这个单位",
                where="organisation_id",
                message_en="No such organisation",
            )
        if not found.approved:
            found.approved = True
            found.updated_at = now
        return found
    return make_organisation(
        uow,
        actor,
        OrganisationFields(
            kind=row.organisation_kind,
            name=row.organisation_name,
            region_code=row.region_code,
            uscc=row.uscc,
            town=row.town,
            language=row.locale,
            source="注册申请",
        ),
        now,
        approved=True,
    )


def _become_expert(
    uow: UnitOfWork,
    actor: Actor,
    row: Registration,
    expert_id: str | None,
    user_id: str,
    organisation: Organisation,
    now: datetime,
) -> None:
    """The library's entry that is this person, or a new one; never by name alone, the staff says which."""
    if expert_id is None:
        make_expert(
            uow,
            actor,
            ExpertFields(
                name=row.name,
                title=row.title,
                region_code=organisation.region_code,
                organisation_id=organisation.id,
                email=row.email,
                language=row.locale,
                source="本人注册",
                consent=f"注册时同意 {shanghai_day(row.created_at).isoformat()}",
                user_id=user_id,
            ),
            now,
        )
        return
    expert = uow.session.get(Expert, expert_id)
    if expert is None or expert.user_id is not None:
        raise InvalidInput(
            "registration.expert",
            "没有这位专家，或已有账号",
            where="expert_id",
            message_en="No such expert, or the entry has an account",
        )
    expert.user_id = user_id
    expert.updated_at = now


def _load(session: Session, registration_id: str) -> Registration:
    row = session.get(Registration, registration_id)
    if row is None:
        raise _not_found()
    return row


def _not_found() -> NotFound:
    return NotFound("registration.not_found", "没有找到这份申请", message_en="There is no such registration")


def _moved_on() -> IllegalMove:
    return IllegalMove(
        "registration.moved_on", "这份申请已经处理过了", message_en="This registration was dealt with already"
    )

"""两步验证: codes of an authenticator (RFC 6238) beside the password, and recovery codes for when it is lost.

The key follows from the installation's secret, the account and a nonce; a copy of the database opens nothing. Each code
is taken once: it and earlier ones are refused afterwards.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
import unicodedata
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import RecoveryCode, TwoFactor, User
from matching.models.user import STAFF_ROLES
from matching.services.actor import Actor
from matching.services.attempts import forget_attempts, note_attempt, require_few
from matching.services.signed_links import derive_key
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

STEP_SECONDS = 30
DIGITS = 6
_WINDOW = 1
"""Steps before and after the present one that are taken, for clocks that are off."""
RECOVERY_CODES = 10
MOST_WRONG = 6
_SPAN = timedelta(minutes=15)
_WHAT = "two_factor"


class WrongCode(InvalidInput):
    """A code that does not fit, or was used already; which is not said."""


def is_enabled(session: Session, user_id: str) -> bool:
    """Whether the account's password alone does not open it."""
    return session.scalar(select(TwoFactor.enabled_at).where(TwoFactor.user_id == user_id)) is not None


def begin_two_factor(uow: UnitOfWork, actor: Actor, settings: Settings, now: datetime) -> str:
    """The key to put into an authenticator, base32; the same until it is enabled. Raises IllegalMove afterwards."""
    user_id = _own(actor)
    row = uow.session.get(TwoFactor, user_id)
    if row is not None and row.enabled_at is not None:
        raise IllegalMove("two_factor.enabled", "两步验证已经开启", message_en="It is enabled already")
    if row is None:
        row = TwoFactor(user_id=user_id, nonce=secrets.token_urlsafe(24), created_at=now)
        uow.session.add(row)
        uow.commit()
    return key_of(settings, row)


def key_of(settings: Settings, row: TwoFactor) -> str:
    """The account's key, 160 bits in base32."""
    derived = hmac.new(derive_key(settings, "two-factor"), f"{row.user_id}:{row.nonce}".encode(), hashlib.sha256)
    return base64.b32encode(derived.digest()[:20]).decode()


def authenticator_address(key: str, email: str, issuer: str) -> str:
    """What the picture to scan holds."""
    label = f"{quote(issuer)}:{quote(email)}"
    return f"otpauth://totp/{label}?secret={key}&issuer={quote(issuer)}&algorithm=SHA1&digits={DIGITS}&period=30"


def enable_two_factor(uow: UnitOfWork, actor: Actor, settings: Settings, code: str, now: datetime) -> list[str]:
    """Enable it with a first code; returns the recovery codes, which are shown this once. Raises WrongCode."""
    user_id = _own(actor)
    row = uow.session.get(TwoFactor, user_id)
    if row is None:
        raise NotFound("two_factor.not_begun", "请先扫描二维码", message_en="Please scan the code first")
    if row.enabled_at is not None:
        raise IllegalMove("two_factor.enabled", "两步验证已经开启", message_en="It is enabled already")
    _require_code(uow, settings, user_id, code, now, recovery=False)
    uow.session.refresh(row)
    row.enabled_at = now
    codes = _new_recovery_codes(uow.session, user_id)
    uow.record(now, user_id, "two_factor.enable", "user", user_id)
    uow.commit()
    return codes


def check_second_factor(uow: UnitOfWork, settings: Settings, user_id: str, code: str, now: datetime) -> None:
    """Take a code of the authenticator or a recovery code. Raises WrongCode, or TooManyAttempts after MOST_WRONG."""
    _require_code(uow, settings, user_id, code, now, recovery=True)
    uow.commit()


def renew_recovery_codes(uow: UnitOfWork, actor: Actor, settings: Settings, code: str, now: datetime) -> list[str]:
    """Replace the recovery codes; takes a code of the authenticator."""
    user_id = _own(actor)
    _require_enabled(uow.session, user_id)
    _require_code(uow, settings, user_id, code, now, recovery=False)
    codes = _new_recovery_codes(uow.session, user_id)
    uow.record(now, user_id, "two_factor.recovery_codes", "user", user_id)
    uow.commit()
    return codes


def disable_two_factor(uow: UnitOfWork, actor: Actor, settings: Settings, code: str, now: datetime) -> None:
    """Turn it off with a last code; not for those whom the settings require it of."""
    user_id = _own(actor)
    _require_enabled(uow.session, user_id)
    if is_required(settings, actor.role):
        raise NotAllowed(
            "two_factor.required", "主管部门账号必须开启两步验证", message_en="Accounts of the staff need it"
        )
    _require_code(uow, settings, user_id, code, now, recovery=True)
    _forget(uow.session, user_id)
    uow.record(now, user_id, "two_factor.disable", "user", user_id)
    uow.commit()


def reset_two_factor(uow: UnitOfWork, actor: Actor, user_id: str, now: datetime) -> None:
    """Turn it off for somebody who lost device and recovery codes; administrators only."""
    if not actor.is_administrator:
        raise NotAllowed("two_factor.administrator", "此操作需由管理员进行", message_en="Administrators only")
    if uow.session.get(User, user_id) is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    _forget(uow.session, user_id)
    uow.record(now, actor.user_id, "two_factor.reset", "user", user_id)
    uow.commit()


def is_required(settings: Settings, role: str) -> bool:
    """Whether accounts of the role may not go without."""
    return settings.require_two_factor_for_staff and role in STAFF_ROLES


def count_recovery_codes(session: Session, user_id: str) -> int:
    """How many are left."""
    return (
        session.scalar(select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))) or 0
    )


def code_at(key: str, step: int) -> str:
    """The code of a time step (RFC 4226 over RFC 6238)."""
    digest = hmac.new(base64.b32decode(key), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_at(moment: datetime) -> int:
    """The time step of a moment."""
    return int(moment.timestamp()) // STEP_SECONDS


def _require_code(
    uow: UnitOfWork, settings: Settings, user_id: str, code: str, now: datetime, *, recovery: bool
) -> None:
    """Raises WrongCode and counts it in a commit of its own; a code that fits is spent in the caller's commit."""
    session = uow.session
    require_few(session, _WHAT, user_id, now, most=MOST_WRONG)
    row = session.get(TwoFactor, user_id)
    entered = re.sub(r"[\s-]+", "", unicodedata.normalize("NFKC", code)).lower()
    if row is not None and (
        _spend_code(session, settings, row, entered, now)
        or (recovery and row.enabled_at is not None and _spend_recovery_code(session, user_id, entered, now))
    ):
        forget_attempts(session, _WHAT, user_id)
        return
    session.rollback()
    note_attempt(session, _WHAT, user_id, now, span=_SPAN)
    uow.commit()
    raise WrongCode(
        "two_factor.wrong_code",
        "验证码不正确或已经用过，请等下一个",
        where="code",
        message_en="The code is wrong or was used already; please wait for the next one",
    )


def _spend_code(session: Session, settings: Settings, row: TwoFactor, entered: str, now: datetime) -> bool:
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", entered):
        return False
    key = key_of(settings, row)
    present = step_at(now)
    fitting = [
        step
        for step in range(present - _WINDOW, present + _WINDOW + 1)
        if hmac.compare_digest(code_at(key, step), entered)
    ]
    for step in fitting:
        # In the statement, so that of two requests with one code only one passes.
        spent = session.execute(
            update(TwoFactor)
            .where(TwoFactor.user_id == row.user_id, or_(TwoFactor.last_step.is_(None), TwoFactor.last_step < step))
            .values(last_step=step)
        )
        if spent.rowcount:  # type: ignore[attr-defined]
            return True
    return False


def _spend_recovery_code(session: Session, user_id: str, entered: str, now: datetime) -> bool:
    spent = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _recovery_hash(user_id, entered),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return bool(spent.rowcount)  # type: ignore[attr-defined]


def _new_recovery_codes(session: Session, user_id: str) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower()[:12] for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=_recovery_hash(user_id, code)) for code in codes)
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


def _recovery_hash(user_id: str, code: str) -> str:
    # 60 random bits: a plain hash is enough where guessing is counted.
    return hashlib.sha256(f"{user_id}:{code}".encode()).hexdigest()


def _forget(session: Session, user_id: str) -> None:
    session.execute(delete(TwoFactor).where(TwoFactor.user_id == user_id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def _require_enabled(session: Session, user_id: str) -> None:
    if not is_enabled(session, user_id):
        raise IllegalMove("two_factor.disabled", "两步验证没有开启", message_en="It is not enabled")


def _own(actor: Actor) -> str:
    if actor.user_id is None:
        raise NotAllowed("account.required", "请先登录", message_en="Please sign in")
    return actor.user_id

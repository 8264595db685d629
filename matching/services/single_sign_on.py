"""Signing in through an organisation's own OpenID Connect provider: authorisation code flow with PKCE.

The ID token comes straight from the provider's token endpoint over TLS, which is what vouches for it (OpenID Connect
Core 3.1.3.7, 6); its issuer, audience, time and nonce are checked. Accounts are not made here: who signs in must have
one, known by the provider's subject or, the first time, by an address that the provider has verified.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from sqlalchemy import select

from matching.errors import DuijieError
from matching.models import LinkedIdentity, User
from matching.services.token_signatures import RSA_ALGORITHMS, decode_part, is_signed_by_one_of
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

_TIMEOUT_SECONDS = 10
_LARGEST_ANSWER = 256 * 1024
_LEEWAY_SECONDS = 120


class SingleSignOnFailed(DuijieError):
    """The provider did not answer as it should, or its answer is not for this sign-in; nobody is signed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider says that this is."""

    issuer: str
    subject: str
    email: str | None
    """Only where the provider has verified it."""


def begin_single_sign_on(settings: Settings, back_url: str) -> tuple[str, dict[str, str]]:
    """The address to send the browser to, and what the browser's session must keep until it is back."""
    provider = _discover(settings)
    memory = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(memory["verifier"].encode()).digest()).decode().rstrip("=")
    asked = urlencode(
        {
            "response_type": "code",
            "client_id": settings.oidc_client_id,
            "redirect_uri": back_url,
            "scope": "openid email",
            "state": memory["state"],
            "nonce": memory["nonce"],
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    endpoint = str(provider["authorization_endpoint"])
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{asked}", memory


def finish_single_sign_on(
    settings: Settings, memory: Mapping[str, str], answer: Mapping[str, str], back_url: str, now: datetime
) -> Identity:
    """Whom the provider names in its answer. Raises SingleSignOnFailed."""
    if not memory or not hmac.compare_digest(memory.get("state", "").encode(), answer.get("state", "").encode()):
        raise _failed("state")
    if answer.get("error") or not answer.get("code"):
        raise _failed("refused")
    provider = _discover(settings)
    credentials = f"{settings.oidc_client_id}:{settings.oidc_client_secret.get_secret_value()}"
    token = _fetch(
        str(provider["token_endpoint"]),
        {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": back_url,
            "client_id": settings.oidc_client_id,
            "code_verifier": memory["verifier"],
        },
        {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"},
    )
    claims = _read_token(str(token.get("id_token", "")), settings, provider)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    moment = now.timestamp()
    fits = (
        claims.get("iss") == provider["issuer"]
        and settings.oidc_client_id in audiences
        and (len(audiences) == 1 or claims.get("azp") == settings.oidc_client_id)
        and isinstance(claims.get("exp"), int | float)
        and claims["exp"] > moment - _LEEWAY_SECONDS
        and hmac.compare_digest(str(claims.get("nonce", "")).encode(), memory.get("nonce", "").encode())
        and isinstance(claims.get("sub"), str)
        and 0 < len(claims["sub"]) <= 255
    )
    if not fits:
        raise _failed("token")
    email = claims.get("email")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    return Identity(
        issuer=str(provider["issuer"]),
        subject=claims["sub"],
        email=str(email).strip().lower() if verified else None,
    )


def find_identity_user(uow: UnitOfWork, identity: Identity, now: datetime) -> User:
    """The account of the identity, which is linked to it the first time. Raises SingleSignOnFailed without one."""
    linked = uow.session.get(LinkedIdentity, (identity.issuer, identity.subject))
    user = uow.session.get(User, linked.user_id) if linked is not None else None
    if user is None and identity.email is not None:
        user = uow.session.scalar(select(User).where(User.email == identity.email))
        if user is not None and user.active:
            uow.session.add(
                LinkedIdentity(issuer=identity.issuer, subject=identity.subject, user_id=user.id, created_at=now)
            )
            uow.record(now, user.id, "user.link_identity", "user", user.id, issuer=identity.issuer)
            uow.commit()
    if user is None or not user.active:
        raise SingleSignOnFailed(
            "single_sign_on.no_account",
            "还没有与这个身份对应的账号，请先注册，或请单位负责人邀请",
            message_en="No account belongs to this identity yet; please register or ask for an invitation",
        )
    return user


def _discover(settings: Settings) -> dict[str, Any]:
    issuer = settings.oidc_issuer.rstrip("/")
    found = _fetch(f"{issuer}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != issuer:
        raise _failed("issuer")
    for name in ("authorization_endpoint", "token_endpoint"):
        _require_secure(str(found.get(name, "")))
    return found


def _fetch(url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    _require_secure(url)
    content = urlencode(form).encode() if form is not None else None
    request = Request(url, content, {"Accept": "application/json", **(headers or {})})  # noqa: S310 - judged above
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the operator's own provider
            found = json.loads(answer.read(_LARGEST_ANSWER))
    except (URLError, OSError, ValueError) as error:
        raise _failed(type(error).__name__) from error
    if not isinstance(found, dict):
        raise _failed("answer")
    return found


def _require_secure(url: str) -> None:
    """https, or this very machine: TLS is what vouches for the token."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1")):
        raise _failed("https")


def _read_token(token: str, settings: Settings, provider: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of a token that the provider signed: by our shared secret (HS256) or with one of its RSA keys. It came
    from the provider over TLS, which would do (OpenID Connect Core, 3.1.3.7); the signature is checked all the same.
    """
    try:
        head, body, signature = token.split(".")
        header = json.loads(decode_part(head))
        algorithm = header.get("alg")
        claims = json.loads(decode_part(body))
        signed = f"{head}.{body}".encode()
        if algorithm == "HS256":
            secret = settings.oidc_client_secret.get_secret_value().encode()
            wanted = hmac.new(secret, signed, hashlib.sha256).digest()
            if not hmac.compare_digest(wanted, decode_part(signature)):
                raise ValueError("signature")
        elif algorithm in RSA_ALGORITHMS:
            keys = _fetch(str(provider.get("jwks_uri", ""))).get("keys")
            key_id = header.get("kid")
            if not isinstance(keys, list) or not is_signed_by_one_of(
                [key for key in keys if isinstance(key, dict)],
                algorithm,
                key_id if isinstance(key_id, str) else None,
                signed,
                decode_part(signature),
            ):
                raise ValueError("signature")
        else:
            raise ValueError("algorithm")
        if not isinstance(claims, dict):
            raise ValueError("claims")
    except (ValueError, AttributeError) as error:
        raise _failed("token") from error
    return claims


def _failed(why: str) -> SingleSignOnFailed:
    return SingleSignOnFailed(
        f"single_sign_on.{why}",
        "统一身份登录没有完成，请再试一次，或用邮箱和密码登录",
        message_en="The sign-in through your organisation did not work; try again, or use e-mail and password",
    )

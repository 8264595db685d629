"""Who reads the page, and the parts of the product a view may use. All of it is per request.

The sign-in is a row in the database; the cookie carries its token, signed. Ending the row ends the sign-in, wherever
the cookie was copied to.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask_login import AnonymousUserMixin, LoginManager, current_user, login_user, logout_user
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.bootstrap import Platform
from matching.errors import NotAllowed
from matching.models import User
from matching.policy import Audience
from matching.queries.notifications import count_unread
from matching.queries.posts import audience_for
from matching.rulebook import Rules
from matching.services.accounts import end_session, find_session_user, open_session, touch_session
from matching.services.actor import Actor, actor_of
from matching.services.two_factor import is_enabled, is_required
from web.devices import describe_device

Clock = Callable[[], datetime]
View = TypeVar("View", bound=Callable[..., Any])

_TOUCH_EVERY = timedelta(minutes=5)
_KEPT_OVER_SIGN_IN = ("language",)
_NO_USE = frozenset({"preferences.count_unread", "live.stream_unread"})
"""What pages ask for by themselves must not keep a sign-in alive that nobody uses."""
_WITHOUT_SECOND_FACTOR = frozenset(
    {"accounts.show_two_factor", "accounts.change_two_factor", "sessions.do_sign_out", "sessions.choose"}
)


class SignedIn:
    """A signed-in account as Flask-Login sees it; its id is the token of the sign-in, not of the account."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, user: User, token: str) -> None:
        self.token = token
        self.user_id = user.id
        self.name = user.name
        self.email = user.email
        self.locale = user.locale
        self.actor = actor_of(user)

    def get_id(self) -> str:
        """What the cookie keeps."""
        return self.token


def install_reader(app: Flask, platform: Platform, clock: Clock) -> None:
    """Keep the platform and the clock where `platform()` and `now()` find them, and set up signing in."""
    app.extensions["duijie.platform"] = platform
    app.extensions["duijie.clock"] = clock
    manager = LoginManager(app)
    manager.session_protection = None  # the token is checked against the database; addresses change on phones

    @manager.user_loader  # type: ignore[untyped-decorator]
    def _load(token: str) -> SignedIn | None:
        unused_for = timedelta(hours=platform.settings.session_hours)
        with platform.reading() as reading:
            user = find_session_user(reading, token, now(), unused_for=unused_for)
            signed_in = SignedIn(user, token) if user is not None else None
            if signed_in is not None and request.endpoint not in _NO_USE:
                # Nearly every page needs it; asked here it needs no session of its own.
                g.audience = audience_for(reading, signed_in.actor)
            if user is not None and is_required(platform.settings, user.role):
                g.second_factor_missing = not is_enabled(reading, user.id)
        if signed_in is not None and request.endpoint not in _NO_USE:
            _note_use(platform, token)
        return signed_in

    @app.before_request
    def _set_up_second_factor() -> WerkzeugResponse | None:
        """Staff who must have a second factor see nothing else until they do."""
        if not platform.settings.require_two_factor_for_staff or request.endpoint in _WITHOUT_SECOND_FACTOR:
            return None
        if request.path.startswith(("/api/", "/static/")) or not current_user.is_authenticated:
            return None
        return redirect(url_for("accounts.show_two_factor")) if g.get("second_factor_missing") else None

    app.context_processor(
        lambda: {
            "unread_count": unread_count,
            "is_staff": is_staff,
            "actor": actor,
            "now": now,
            "rules_now": rules_now,
        }
    )


def _note_use(platform: Platform, token: str) -> None:
    """Extend the sign-in, seldom: a page that is only read should not queue for the database's write lock."""
    last = session.get("seen", 0.0)
    moment = now()
    if moment.timestamp() - last > _TOUCH_EVERY.total_seconds():
        session["seen"] = moment.timestamp()
        with platform.unit_of_work() as uow:
            touch_session(uow, token, moment)


def platform() -> Platform:
    """The product's parts."""
    return cast(Platform, current_app.extensions["duijie.platform"])


def rules_now() -> Rules:
    """What the bureau decided, as it is in force in this request."""
    if "rules" not in g:
        with platform().reading() as reading:
            g.rules = platform().rules(reading)
    return cast(Rules, g.rules)


def now() -> datetime:
    """The moment of this request, the same throughout it (UTC)."""
    if "now" not in g:
        g.now = current_app.extensions["duijie.clock"]()
    return cast(datetime, g.now)


def actor() -> Actor:
    """Who acts. A visitor is an actor without account and organisation."""
    if current_user.is_authenticated:
        return cast(Actor, current_user.actor)
    return Actor(user_id=None)


def is_staff() -> bool:
    """Whether the reader reviews posts."""
    return actor().is_administrator or actor().region_scope is not None


def audience() -> Audience:
    """What the reader may see."""
    # Whoever is asked for the first time is looked up with what they may see.
    signed_in = current_user.is_authenticated
    if "audience" not in g:
        if signed_in:
            with platform().reading() as reading:
                g.audience = audience_for(reading, actor())
        else:
            g.audience = Audience()
    return cast(Audience, g.audience)


def unread_count() -> int:
    """Messages the reader has not opened."""
    user_id = actor().user_id
    if user_id is None:
        return 0
    if "unread" not in g:
        with platform().reading() as reading:
            g.unread = count_unread(reading, user_id)
    return cast(int, g.unread)


def sign_in(user: User) -> None:
    """Begin a sign-in. The old session is dropped first, so that one planted before does not become the user's."""
    kept = {key: session[key] for key in _KEPT_OVER_SIGN_IN if key in session}
    sign_out()
    with platform().unit_of_work() as uow:
        token = open_session(
            uow, user, now(), device=describe_device(request.user_agent.string), address=request.remote_addr
        )
    session.update(kept)
    session["seen"] = now().timestamp()
    login_user(SignedIn(user, token))
    g.pop("audience", None)


def sign_out() -> None:
    """End the sign-in on this device, in the database too."""
    kept = {key: session[key] for key in _KEPT_OVER_SIGN_IN if key in session}
    if current_user.is_authenticated:
        with platform().unit_of_work() as uow:
            end_session(uow, current_user.token, now())
    logout_user()
    session.clear()
    session.update(kept)
    g.pop("audience", None)
    g.pop("csrf_token", None)


def forget_reader() -> None:
    """Go on as a visitor for the rest of this request: the page that says the database is away must not ask it."""
    g._login_user = AnonymousUserMixin()


def signed_in_only(view: View) -> View:
    """Send visitors to the sign-in page and back; what they had written is kept on the way."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if current_user.is_authenticated:
            return view(*args, **kwargs)
        return ask_to_sign_in()

    return cast(View, guarded)


def staff_only(view: View) -> View:
    """As `signed_in_only`, and refuse members."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return ask_to_sign_in()
        if not is_staff():
            raise NotAllowed("page.staff_only", "此页面仅供主管部门使用", message_en="This page is for the staff only")
        return view(*args, **kwargs)

    return cast(View, guarded)


def ask_to_sign_in() -> Response | WerkzeugResponse | tuple[str, int]:
    """The sign-in page; with the entered text in it when a form was sent, so that nothing is lost."""
    from web.html.sessions import render_sign_in  # the page needs this module in turn

    if request.method == "POST":
        return render_sign_in(pending_path=request.full_path.rstrip("?"), pending=request.form), 401
    return redirect(url_for("sessions.show_sign_in", next=request.full_path.rstrip("?")))

"""The web application: `create_app` puts pages, API and operations together over a platform."""

from __future__ import annotations

from flask import Flask
from flask_wtf import CSRFProtect

from matching.bootstrap import Platform
from matching.clock import utc_now
from web.addresses import Application
from web.api import install_api
from web.assets import asset_url, assets, send_icon
from web.display import install_display
from web.errors import install_error_pages
from web.head import install_head
from web.html.accounts import accounts
from web.html.address_change import address_change
from web.html.agendas import agendas
from web.html.attachments import attachments
from web.html.capabilities import capabilities
from web.html.channels import channels
from web.html.deliveries import deliveries
from web.html.desk import desk
from web.html.duplicates import duplicates
from web.html.engagements import engagements
from web.html.events import events
from web.html.experts import experts
from web.html.exports import exports
from web.html.home import home
from web.html.hosting import hosting
from web.html.imports import imports
from web.html.inbox import inbox
from web.html.interests import interests
from web.html.live import install_live, live
from web.html.members import members
from web.html.models import models
from web.html.needs import needs
from web.html.open_data import harvest, open_data
from web.html.organisations import organisations
from web.html.own_data import own_data
from web.html.posts import posts
from web.html.preferences import preferences, stop
from web.html.privacy import privacy
from web.html.registrations import registrations
from web.html.reports import reports
from web.html.review import review
from web.html.rules import rules
from web.html.saved_filters import saved_filters
from web.html.search import search
from web.html.sessions import sessions
from web.html.single_sign_on import single_sign_on
from web.html.suggestion_answers import suggestion_answers
from web.html.suggestion_inbox import suggestion_inbox
from web.html.unsent import unsent
from web.html.users import users
from web.html.works import works
from web.languages import install_languages
from web.limits import install_limits
from web.navigation import navigation
from web.ops import make_ops, watch_requests
from web.reader import Clock, install_reader
from web.security import protect
from web.uploads import allow_uploads
from web.visitor_pages import install_visitor_pages


def create_app(platform: Platform, *, clock: Clock = utc_now) -> Flask:
    """The application. `clock` gives the present moment in UTC; only tests pass another."""
    app = Application(__name__, static_folder=None)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    watch_requests(app)
    protect(app, platform.settings)
    install_limits(app, platform.settings)
    allow_uploads(app)
    # Tokens live as long as the session: a form may stand open over lunch.
    app.config.update(WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=True)
    CSRFProtect(app)
    install_reader(app, platform, clock)
    install_languages(app)
    install_display(app)
    install_error_pages(app)
    install_head(app)
    app.jinja_env.globals["asset_url"] = asset_url
    app.jinja_env.globals["navigation"] = navigation
    for blueprint in (
        assets,
        home,
        search,
        needs,
        capabilities,
        posts,
        inbox,
        suggestion_answers,
        suggestion_inbox,
        interests,
        engagements,
        imports,
        review,
        duplicates,
        models,
        sessions,
        desk,
        reports,
        rules,
        events,
        agendas,
        hosting,
    ):
        app.register_blueprint(blueprint)
    for blueprint in (organisations, experts, own_data, saved_filters, exports, attachments, unsent):
        app.register_blueprint(blueprint)
    install_live(app, platform)
    for blueprint in (users, address_change, live, works):
        app.register_blueprint(blueprint)
    for blueprint in (registrations, accounts, single_sign_on, members, preferences, channels, deliveries):
        app.register_blueprint(blueprint)
    # Outside the folder of the others, but one of them: it counts against no limit.
    app.add_url_rule("/favicon.ico", "assets.send_icon", send_icon)
    app.register_blueprint(open_data)
    app.register_blueprint(privacy)
    # A mail program that unsubscribes for its reader has no token of a form; the signed link is its right.
    app.extensions["csrf"].exempt(stop)
    # OAI-PMH asks by POST as well as by GET, and changes nothing.
    app.extensions["csrf"].exempt(harvest)
    app.register_blueprint(make_ops(platform))
    install_api(app)
    install_visitor_pages(app)
    return app

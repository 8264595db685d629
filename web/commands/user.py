"""`duijie user add`, `duijie user token` and `duijie user reset-two-factor`."""

from __future__ import annotations

import os
import sys
from datetime import timedelta

import click
from sqlalchemy import select

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.errors import InvalidInput
from matching.models import User
from matching.models.api_token import TOKEN_SCOPES
from matching.models.user import USER_ROLES
from matching.services.accounts import add_user, join_organisation
from matching.services.actor import SYSTEM
from matching.services.api_tokens import LONGEST_LIFE, make_api_token
from matching.services.two_factor import reset_two_factor
from matching.settings import load_settings
from web.commands.options import refuse_options


@click.group()
def user() -> None:
    """Accounts."""


@user.command("add")
@click.argument("email")
@click.option("--name", required=True, help="Name that others see.")
@click.option("--role", type=click.Choice(USER_ROLES), default="member", show_default=True)
@click.option("--region", "region_code", help="行政区划代码 of a staff account.")
@click.option("--organisation", "organisation_id", help="Id of the organisation a member belongs to.")
@click.option("--member-role", type=click.Choice(["owner", "editor", "reader"]), default="editor", show_default=True)
def add(
    email: str, name: str, role: str, region_code: str | None, organisation_id: str | None, member_role: str
) -> None:
    """Add an account. The password is read from DUIJIE_PASSWORD, from a pipe, or asked for."""
    if not organisation_id:
        refuse_options(["member_role"], "needs --organisation")
    password = os.environ.get("DUIJIE_PASSWORD")
    if password is None:
        if sys.stdin.isatty():
            password = click.prompt("密码 / password", hide_input=True, confirmation_prompt=True)
        else:
            password = sys.stdin.readline().rstrip("\n")
    platform = build_platform(load_settings())
    with platform.unit_of_work() as uow:
        added = add_user(
            uow, SYSTEM, email=email, name=name, password=password, role=role, region_code=region_code, now=utc_now()
        )
    if organisation_id:
        with platform.unit_of_work() as uow:
            join_organisation(uow, SYSTEM, added.id, organisation_id, member_role, utc_now())
    click.echo(added.id)


@user.command("token")
@click.argument("email")
@click.option("--name", default="duijie user token", show_default=True, help="To know later which one to revoke.")
@click.option(
    "--scope", "scopes", type=click.Choice(TOKEN_SCOPES), multiple=True, help="May be repeated. [default: all]"
)
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, LONGEST_LIFE.days))
def token(email: str, name: str, scopes: tuple[str, ...], days: int) -> None:
    """Make a token of the API for an account and print it, this once."""
    platform = build_platform(load_settings())
    with platform.unit_of_work() as uow:
        user_id = uow.session.scalar(select(User.id).where(User.email == email.strip().lower()))
        if user_id is None:
            raise InvalidInput("user.not_found", "没有这个账号", where="EMAIL", message_en="There is no such account")
        expires_at = utc_now() + timedelta(days=days)
        _, secret = make_api_token(uow, SYSTEM, user_id, name, scopes or TOKEN_SCOPES, expires_at, utc_now())
    click.echo(secret)


@user.command("reset-two-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Turn off two-step verification for somebody who lost phone and recovery codes. Make sure who asks."""
    platform = build_platform(load_settings())
    with platform.unit_of_work() as uow:
        user_id = uow.session.scalar(select(User.id).where(User.email == email.strip().lower()))
        if user_id is None:
            raise InvalidInput("user.not_found", "没有这个账号", where="EMAIL", message_en="There is no such account")
        reset_two_factor(uow, SYSTEM, user_id, utc_now())
    click.echo(email.strip().lower())

"""`duijie user add`."""

from __future__ import annotations

import os
import sys

import click

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.models.user import USER_ROLES
from matching.services.accounts import add_user, join_organisation
from matching.services.actor import SYSTEM
from matching.settings import load_settings


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

"""隐私: what is held of people and why, to read and print; and the assessment of the automatic matching."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, render_template

from matching.privacy import BASES, FLOWS, REGISTER, HeldData
from web.languages import in_language
from web.reader import platform

privacy = Blueprint("privacy", __name__, url_prefix="/privacy")

ASSESSMENT_VERSION = "1.0"
ASSESSED_ON = date(2026, 11, 26)
"""An assessment and its earlier versions are kept for three years (第五十六条): docs/privacy.md lists them."""


@dataclass(frozen=True, slots=True)
class ShownData:
    """An entry of the register in the page's language."""

    code: str
    what: str
    whom: str
    why: str
    basis: str
    source: str
    seen_by: str
    kept: str
    flows: list[str]


@privacy.get("/")
def show_register() -> str:
    """The register, and what a person can do."""
    settings = platform().settings
    return render_template(
        "privacy/show.html",
        rows=[_shown(held) for held in REGISTER],
        office=settings.mail_reply_to,
        version=ASSESSMENT_VERSION,
    )


@privacy.get("/matching")
def show_assessment() -> str:
    """个人信息保护影响评估 of the automatic matching."""
    settings = platform().settings
    return render_template(
        "privacy/matching.html",
        version=ASSESSMENT_VERSION,
        assessed_on=ASSESSED_ON,
        ranker=platform().ranker.revision,
        weekly_load=settings.weekly_load,
        suggestion_days=settings.suggestion_days,
        office=settings.mail_reply_to,
    )


def _shown(held: HeldData) -> ShownData:
    kept = in_language(*held.kept)
    if held.days is not None:
        kept = kept.replace("{days}", str(getattr(platform().settings, held.days)))
    return ShownData(
        code=held.code,
        what=in_language(*held.what),
        whom=in_language(*held.whom),
        why=in_language(*held.why),
        basis=in_language(*BASES[held.basis]),
        source=in_language(*held.source),
        seen_by=in_language(*held.seen_by),
        kept=kept,
        flows=[in_language(*FLOWS[flow]) for flow in held.flows],
    )

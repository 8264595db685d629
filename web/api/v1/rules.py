"""规则: what the bureau changes without code, for the staff."""

from __future__ import annotations

from typing import Any

from matching.errors import InvalidInput
from matching.models import VocabularyTerm
from matching.notifying.texts import LANGUAGES, TEXT_FORMS
from matching.queries.rules import list_changes
from matching.rulebook import RULE_FORMS, TEXT_PREFIX, Rules, written_value
from matching.services.rules import (
    add_term,
    change_rules,
    change_text,
    edit_term,
    move_term,
    require_rule_maker,
    revert_change,
)
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas import rules as schemas
from web.reader import now, platform

rules = Noun("rules", "/rules", "规则: thresholds, deadlines, texts and lists that the bureau changes, for the staff.")


@rules.operation("GET", "", name="show_rules", zh="规则", en="Show the rules", access="read", answers=schemas.RuleBook)
def show() -> dict[str, Any]:
    """Show the rules

    What is in force, and what it was when the installation was set up.
    """
    require_rule_maker(caller().actor)
    with platform().reading() as session:
        return _book(platform().rules(session))


@rules.operation(
    "PATCH",
    "",
    name="change_rules",
    zh="修改规则",
    en="Change rules",
    access="write",
    answers=schemas.RuleBook,
    body=schemas.RuleValues,
    problems=(409,),
)
def change(entry: dict[str, Any]) -> dict[str, Any]:
    """Change rules

    All or none. They hold at once, in web and workers; each change is in the history.
    """
    unknown = sorted(set(entry["values"]) - set(RULE_FORMS))
    if unknown:
        raise InvalidInput("rule.unknown", "没有这条规则", where=unknown[0], message_en="There is no such rule")
    with platform().unit_of_work() as uow:
        change_rules(
            uow,
            caller().actor,
            entry["values"],
            now(),
            settings=platform().settings,
            reason=entry["reason"],
            expected_revision=entry["expected_revision"],
        )
    with platform().reading() as session:
        return _book(platform().rules(session))


@rules.operation(
    "PATCH",
    "/texts/<id:key>",
    name="change_text",
    zh="修改文字",
    en="Change a text",
    access="write",
    answers=schemas.RuleText,
    body=schemas.TextEntry,
    problems=(409,),
)
def change_words(entry: dict[str, Any], key: str) -> dict[str, Any]:
    """Change a text

    In both languages; names in braces are checked. Null in both puts the shipped text back.
    """
    given = [language for language in LANGUAGES if entry[language] is not None]
    if len(given) == 1:
        raise InvalidInput(
            "text.missing",
            "请填写文字，中英文都要",
            where=given[0],
            message_en="Please give both languages, or neither",
        )
    written = {str(language): entry[language] for language in LANGUAGES} if given else None
    with platform().unit_of_work() as uow:
        change_text(
            uow,
            caller().actor,
            key,
            written,
            now(),
            reason=entry["reason"],
            expected_revision=entry["expected_revision"],
        )
    with platform().reading() as session:
        return _text(platform().rules(session), key)


@rules.operation(
    "GET",
    "/changes",
    name="list_rule_changes",
    zh="修改历史",
    en="List changes of rules",
    access="read",
    answers=schemas.RuleChangeList,
)
def list_history() -> dict[str, Any]:
    """List changes of rules

    The latest, with who made them, from what to what, and why.
    """
    require_rule_maker(caller().actor)
    with platform().reading() as session:
        shown, _more = list_changes(session)
        return {
            "items": [
                {
                    "id": one.change.id,
                    "key": one.change.key,
                    "before": one.change.before,
                    "after": one.change.after,
                    "reason": one.change.reason,
                    "at": one.change.at,
                    "by": one.by,
                    "latest": one.latest,
                }
                for one in shown
            ]
        }


@rules.operation(
    "POST",
    "/changes/<id:change_id>/revert",
    name="revert_rule_change",
    zh="撤回修改",
    en="Take a change back",
    access="write",
    answers=schemas.RuleBook,
    problems=(409, 422),
)
def revert(change_id: str) -> dict[str, Any]:
    """Take a change back

    The latest of its rule, text or entry only.
    """
    number = int(change_id) if change_id.isdecimal() and change_id.isascii() else 0
    with platform().unit_of_work() as uow:
        revert_change(uow, caller().actor, number, now(), settings=platform().settings)
    with platform().reading() as session:
        return _book(platform().rules(session))


@rules.operation(
    "POST",
    "/lists/<id:vocabulary>",
    name="add_term",
    zh="添加条目",
    en="Add an entry to a list",
    access="write",
    answers=schemas.ListedTerm,
    status=201,
    body=schemas.TermEntry,
)
def add(entry: dict[str, Any], vocabulary: str) -> VocabularyTerm:
    """Add an entry to a list"""
    with platform().unit_of_work() as uow:
        add_term(
            uow,
            caller().actor,
            vocabulary,
            entry["code"],
            entry["label_zh"],
            entry["label_en"],
            now(),
            parent_code=entry["parent_code"],
            reason=entry["reason"],
        )
    return _term(vocabulary, entry["code"])


@rules.operation(
    "PATCH",
    "/lists/<id:vocabulary>/<id:code>",
    name="change_term",
    zh="修改条目",
    en="Change an entry of a list",
    access="write",
    answers=schemas.ListedTerm,
    body=schemas.TermChange,
)
def change_entry(entry: dict[str, Any], vocabulary: str, code: str) -> VocabularyTerm:
    """Change an entry of a list

    Rename it, retire it or bring it back, move it. Posts that have a retired entry keep it.
    """
    actor = caller().actor
    with platform().unit_of_work() as uow:
        edit_term(
            uow,
            actor,
            vocabulary,
            code,
            now(),
            label_zh=entry["label_zh"],
            label_en=entry["label_en"],
            active=entry["active"],
            reason=entry["reason"],
        )
    if entry["move"]:
        with platform().unit_of_work() as uow:
            move_term(uow, actor, vocabulary, code, entry["move"], now(), reason=entry["reason"])
    return _term(vocabulary, code)


def _book(in_force: Rules) -> dict[str, Any]:
    initial = platform().settings
    return {
        "revision": in_force.revision,
        "rules": [
            {
                "key": form.key,
                "group": form.group,
                "kind": form.kind,
                "value": written_value(getattr(in_force.settings, form.key)),
                "initial": written_value(getattr(initial, form.key)),
                "least": float(form.least),
                "most": float(form.most),
                "changed": form.key in in_force.changed,
            }
            for form in RULE_FORMS.values()
        ],
        "texts": [_text(in_force, key) for key in TEXT_FORMS],
    }


def _text(in_force: Rules, key: str) -> dict[str, Any]:
    form = TEXT_FORMS[key]
    return {
        "key": key,
        "group": form.group,
        "placeholders": sorted(form.placeholders),
        "needed": sorted(form.required),
        "changed": TEXT_PREFIX + key in in_force.changed,
    } | {language: {part: in_force.texts.of(key, language, part) for part in form.parts} for language in LANGUAGES}


def _term(vocabulary: str, code: str) -> VocabularyTerm:
    with platform().reading() as session:
        return session.get_one(VocabularyTerm, (vocabulary, code))

"""The steps in which a post is written: which fields belong together, and how far the writer has come.

All steps are one form: what is typed in one travels with the others, so nothing has to be stored between them, a draft
can be saved from each, and the column beside the form always speaks of the whole post. Only one is open at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask_babel import lazy_gettext as _l

from matching.documents import Side
from web.forms.posts import PostForm

State = Literal["here", "done", "wrong", "open"]
CHECK = "check"


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the form with its fields."""

    key: str
    label: Any
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step in the list of steps; `errors` counts the fields of it that are wrong."""

    key: str
    label: Any
    number: int
    state: State
    errors: int


_AUDIENCE = Step("audience", _l("公开范围与联系人"), ("visibility", "contact_name", "contact_phone", "contact_email"))
_CHECK = Step(CHECK, _l("检查并提交"), ())
STEPS: dict[Side, tuple[Step, ...]] = {
    "need": (
        Step("problem", _l("题目与问题"), ("organisation_id", "title", "problem")),
        Step(
            "targets",
            _l("指标与期望"),
            (
                "indicators", "expected_result", "starts_on", "ends_on", "money_minimum", "money_maximum",
                "money_negotiable",
            ),
        ),
        Step(
            "cooperation",
            _l("分类与合作"),
            (
                "keywords", "domain", "industry_codes", "town", "cooperation_modes", "ip_arrangement",
                "preferred_partners",
            ),
        ),
        _AUDIENCE,
        _CHECK,
    ),
    "capability": (
        Step("problem", _l("题目与内容"), ("organisation_id", "kind", "title", "abstract")),
        Step(
            "targets",
            _l("优势与成熟度"),
            ("advantages", "applications", "maturity", "money_minimum", "money_maximum", "money_negotiable"),
        ),
        Step(
            "cooperation",
            _l("分类与合作"),
            (
                "keywords", "domain", "discipline", "industry_codes", "town", "cooperation_modes", "expert_ids",
                "ip_status", "ip_type", "ip_number", "ipc",
            ),
        ),
        _AUDIENCE,
        _CHECK,
    ),
}  # fmt: skip


def step_of(side: Side, field: str) -> str:
    """The step that holds a field; the last where none does."""
    return next((step.key for step in STEPS[side] if field in step.fields), CHECK)


class StepWalk:
    """Where the writer is in the form, from what the form itself carries."""

    def __init__(self, form: PostForm) -> None:
        self._form = form
        self._steps = STEPS[form.side]
        keys = [step.key for step in self._steps]
        self.at = form.at.data if form.at.data in keys else keys[0]
        self._seen = {key for key in (form.seen.data or "").split(",") if key in keys} | {self.at}

    @property
    def at_number(self) -> int:
        """The open step, counted from one."""
        return 1 + [step.key for step in self._steps].index(self.at)

    @property
    def here_wrong(self) -> bool:
        """Whether the open step has errors."""
        return self._errors(self.at) > 0

    @property
    def seen(self) -> str:
        """The steps that were open already, as the form carries them."""
        return ",".join(step.key for step in self._steps if step.key in self._seen)

    @property
    def before(self) -> str | None:
        """The step before the open one."""
        return self._steps[self.at_number - 2].key if self.at_number > 1 else None

    @property
    def after(self) -> str | None:
        """The step after the open one."""
        return self._steps[self.at_number].key if self.at_number < len(self._steps) else None

    def go(self, wanted: str) -> bool:
        """Obey a button: `next:KEY` goes on once the open step is right, `step:KEY` goes anywhere; False where the open
        step holds the writer back.

        Steps that were never open are not complained about.
        """
        how, _colon, key = wanted.partition(":")
        self._form.validate()
        if key not in {step.key for step in self._steps}:
            return True
        if how == "next" and self._errors(self.at):
            self._forgive(keep={self.at})
            return False
        self.at = key
        self._seen.add(key)
        if key == CHECK:
            self._seen |= {step.key for step in self._steps}
        self._forgive(keep=self._seen)
        return True

    def open_first_wrong(self) -> None:
        """Open the first step that has an error, all of them being looked at."""
        self._seen |= {step.key for step in self._steps}
        if self._errors(self.at):
            return
        self.at = next((step.key for step in self._steps if self._errors(step.key)), self.at)

    def open_step_of(self, field: str) -> None:
        """Open the step that holds a field."""
        self.at = step_of(self._form.side, field)
        self._seen.add(self.at)

    def fields_of(self, key: str) -> Sequence[str]:
        """The fields of a step that this form has."""
        return [name for step in self._steps if step.key == key for name in step.fields if name in self._form]

    def listed(self) -> list[ShownStep]:
        """All steps with their state."""
        return [
            ShownStep(step.key, step.label, number, self._state(step.key), self._errors(step.key))
            for number, step in enumerate(self._steps, start=1)
        ]

    def _state(self, key: str) -> State:
        if key == self.at:
            return "here"
        if self._errors(key):
            return "wrong"
        return "done" if key in self._seen and key != CHECK else "open"

    def _errors(self, key: str) -> int:
        return sum(1 for name in self.fields_of(key) if self._form[name].errors)

    def _forgive(self, keep: set[str]) -> None:
        for step in self._steps:
            if step.key not in keep:
                for name in self.fields_of(step.key):
                    self._form[name].errors = []

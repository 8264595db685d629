"""The editable vocabularies."""

from __future__ import annotations

from datetime import datetime

from matching.bootstrap import Platform, build_platform
from matching.models import VocabularyTerm
from matching.queries.vocabularies import load_vocabularies
from matching.services.rules import add_term, edit_term
from tests.factories.people import make_staff


def test_terms_come_in_order_and_old_ones_keep_their_names(platform: Platform) -> None:
    rows = [("b", 2, True), ("a", 1, True), ("old", 0, False), ("c", 2, True)]
    with platform.unit_of_work() as uow:
        for code, position, active in rows:
            uow.session.add(
                VocabularyTerm(
                    vocabulary="domain", code=code, label_zh=code, label_en=code, position=position, active=active
                )
            )
        uow.commit()
    with platform.reading() as session:
        vocabularies = load_vocabularies(session)
    assert [term.code for term in vocabularies.active("domain")] == ["a", "b", "c"]
    old = vocabularies.find("domain", "old")
    assert old is not None
    assert old.label_zh == "old"
    assert vocabularies.find("domain", "none") is None
    assert vocabularies.find("domain", None) is None
    assert list(vocabularies.active("nix")) == []


def test_what_is_kept_is_read_again_when_any_process_changed_it(platform: Platform, now: datetime) -> None:
    staff = make_staff(platform, now, email="staff@example.cn")
    other = build_platform(platform.settings)

    def label() -> str | None:
        with platform.reading() as session:
            term = load_vocabularies(session).find("domain", "coating")
            return term.label_zh if term is not None else None

    assert label() is None
    with other.unit_of_work() as uow:
        add_term(uow, staff, "domain", "coating", "涂层", "Coating", now)
    assert label() == "涂层"
    with platform.reading() as one, platform.reading() as two:
        assert load_vocabularies(one) is load_vocabularies(two)
    with other.unit_of_work() as uow:
        edit_term(uow, staff, "domain", "coating", now, label_zh="表面涂层")
    assert label() == "表面涂层"
    with other.unit_of_work() as uow:
        term = uow.session.get(VocabularyTerm, ("domain", "coating"))
        assert term is not None
        term.label_zh = "没有提交"
        uow.session.flush()
        inside = load_vocabularies(uow.session).find("domain", "coating")
        assert inside is not None
        assert inside.label_zh == "没有提交"
        uow.session.rollback()
    assert label() == "表面涂层"
    other.close()

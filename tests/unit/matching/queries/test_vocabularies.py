"""The editable vocabularies."""

from __future__ import annotations

from matching.bootstrap import Platform
from matching.models import VocabularyTerm
from matching.queries.vocabularies import load_vocabularies


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

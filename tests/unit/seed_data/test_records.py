"""The demonstration is valid: codes exist, references lead somewhere, counts and mixtures are as promised."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import seed_data
from matching.documents import CAPABILITY_KINDS
from matching.organisation_code import check_uscc
from matching.policy import VISIBILITIES
from seed_data.judged import from_records
from seed_data.loader import read_records

SEED_DATA = Path(seed_data.__file__).parent
PLAN = "鹤山市科技发展规划（公开文本）"
STATUSES = {"draft", "submitted", "published", "returned", "paused", "expired", "closed", "archived"}
TAXONOMIES = sorted(path.stem for path in (SEED_DATA / "taxonomies").glob("*.tsv"))

POST_KEYS = {
    "id", "organisation_id", "title", "keywords", "industry_codes", "domain", "region_code", "language",
    "cooperation_modes", "visibility", "status", "published_days_ago",
}  # fmt: skip
NEED_KEYS = POST_KEYS | {
    "problem", "indicators", "expected_result", "town", "starts_on", "ends_on", "budget", "ip_arrangement",
    "preferred_partners", "contact",
}  # fmt: skip
CAPABILITY_KEYS = POST_KEYS | {
    "kind", "abstract", "advantages", "applications", "maturity", "ip_status", "ip_type", "ip_number", "discipline",
    "ipc", "price", "expert_ids",
}  # fmt: skip
POST_OPTIONAL_KEYS = {"source", "plan_pair", "close_reason", "return_reason"}


@cache
def read(name: str) -> list[dict[str, Any]]:
    text = (SEED_DATA / "records" / f"{name}.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


@cache
def terms(name: str) -> dict[str, dict[str, str]]:
    with (SEED_DATA / "taxonomies" / f"{name}.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len({row["code"] for row in rows}) == len(rows)
    return {row["code"]: row for row in rows}


def posts() -> list[dict[str, Any]]:
    return read("needs") + read("capabilities")


def prose(post: dict[str, Any]) -> str:
    names = ("title", "problem", "expected_result", "abstract", "advantages", "applications")
    return "\n".join([*(post.get(name) or "" for name in names), *post.get("indicators", ())])


def phrases(post: dict[str, Any]) -> set[tuple[str, ...]]:
    """Runs of three English words or of four characters."""
    parts = prose(post).split() if post["language"] == "en" else list(re.sub(r"\s", "", prose(post)))
    length = 3 if post["language"] == "en" else 4
    return {tuple(parts[at : at + length]) for at in range(max(1, len(parts) - length + 1))}


# taxonomies


@pytest.mark.parametrize("name", TAXONOMIES)
def test_taxonomy_is_well_formed(name: str) -> None:
    lines = (SEED_DATA / "taxonomies" / f"{name}.tsv").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    header = lines[0].split("\t")
    assert header[:4] == ["code", "parent", "label_zh", "label_en"]
    assert header[4:] in ([], ["note"])
    assert {line.count("\t") for line in lines} == {len(header) - 1}
    for row in terms(name).values():
        assert row["code"]
        assert row["label_zh"]
        assert row["label_en"].isascii()
        assert all(value == value.strip() for value in row.values())


def test_every_town_has_a_tile_of_its_own_on_the_map() -> None:
    with (SEED_DATA / "maps" / "town_tiles.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    assert {row["code"] for row in rows} == set(terms("towns"))
    assert len({(int(row["column"]), int(row["row"])) for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("domains", 12), ("disciplines", 62), ("towns", 10), ("maturity_levels", 9), ("cooperation_modes", 8),
        ("capability_kinds", 5), ("organisation_kinds", 6),
    ],
)  # fmt: skip
def test_closed_lists_are_complete(name: str, count: int) -> None:
    assert len(terms(name)) == count


def test_parents_exist_and_codes_nest() -> None:
    industries = terms("industries")
    assert [code for code in industries if len(code) == 1] == list("ABCDEFGHIJKLMNOPQRST")
    for code, row in industries.items():
        assert row["parent"] == {1: "", 3: code[0], 4: code[:3]}[len(code)]
        assert not row["parent"] or row["parent"] in industries
    regions = terms("regions")
    assert all(not row["parent"] or row["parent"] in regions for row in regions.values())
    assert sum(code.endswith("0000") and code < "900000" for code in regions) == 34
    assert sum(row["parent"] == "440000" for row in regions.values()) == 21
    assert {row["parent"] for row in terms("towns").values()} == {"440784"}
    assert all(re.fullmatch(r"440784\d{3}", code) for code in terms("towns"))
    assert list(terms("capability_kinds")) == list(CAPABILITY_KINDS)
    assert list(terms("maturity_levels")) == [str(level) for level in range(1, 10)]


# organisations, experts, users


@pytest.mark.parametrize("name", ["organisations", "experts", "users", "needs", "capabilities"])
def test_ids_are_unique_and_readable(name: str) -> None:
    ids = [record["id"] for record in read(name)]
    assert len(set(ids)) == len(ids)
    prefix = {"organisations": "org", "experts": "exp", "users": "user", "needs": "need", "capabilities": "cap"}[name]
    assert all(re.fullmatch(prefix + r"-[a-z0-9-]{1,32}", identity) for identity in ids)


def test_posts_are_numbered_without_a_gap() -> None:
    assert [record["id"] for record in read("needs")] == [f"need-{n:04d}" for n in range(1, len(read("needs")) + 1)]
    numbered = [f"cap-{n:04d}" for n in range(1, len(read("capabilities")) + 1)]
    assert [record["id"] for record in read("capabilities")] == numbered


def test_organisations_are_valid_and_recognisably_invented() -> None:
    codes = []
    for record in read("organisations"):
        assert record["kind"] in terms("organisation_kinds")
        assert record["region_code"] in terms("regions")
        assert record["town"] is None or record["town"] in terms("towns")
        assert record["stage"] is None or record["stage"] in terms("organisation_stages")
        assert set(record["industry_codes"]) <= set(terms("industries"))
        assert record["language"] in ("zh", "en")
        assert record["intro"]
        if record["source"] == "虚构单位，仅供演示":
            assert "示例" in record["name"]
        else:
            assert record["source"] in (PLAN, "公开机构名称，账号与内容均为演示")
            assert record["uscc"] is None
        if record["uscc"] is not None:
            assert check_uscc(record["uscc"]) == record["uscc"]
            assert record["uscc"][2:8] == "440799", "a district that does not exist"
            codes.append(record["uscc"])
    assert len(set(codes)) == len(codes)
    assert len(codes) >= 60
    assert {record["kind"] for record in read("organisations")} == set(terms("organisation_kinds"))


def test_experts_have_source_and_consent_and_belong_somewhere() -> None:
    organisations = {record["id"] for record in read("organisations")}
    for record in read("experts"):
        assert record["organisation_id"] in organisations
        assert record["source"] == "虚构人物，仅供演示"
        assert record["consent"]
        assert record["fields"]
        assert set(record["languages"]) & {"zh", "en"}
    assert len(read("experts")) >= 40


def test_users_cover_every_role_and_carry_no_password() -> None:
    organisations = {record["id"] for record in read("organisations")}
    experts = {record["id"]: record for record in read("experts")}
    for record in read("users"):
        assert not [key for key in record if "password" in key]
        assert record["organisation_id"] is None or record["organisation_id"] in organisations
        assert record["region_code"] in terms("regions")
        if record["expert_id"] is not None:
            assert experts[record["expert_id"]]["organisation_id"] == record["organisation_id"]
    assert {record["role"] for record in read("users")} == {
        "enterprise_member", "expert", "institution_manager", "broker", "staff", "administrator"
    }  # fmt: skip
    assert len({record["email"] for record in read("users")}) == len(read("users"))
    staff = {record["region_code"] for record in read("users") if record["role"] == "staff"}
    assert staff == {"440784", "440700"}


# posts


@pytest.mark.parametrize(("name", "keys"), [("needs", NEED_KEYS), ("capabilities", CAPABILITY_KEYS)])
def test_posts_have_exactly_the_fields(name: str, keys: set[str]) -> None:
    for record in read(name):
        assert keys <= set(record), record["id"]
        assert set(record) <= keys | POST_OPTIONAL_KEYS, record["id"]


def test_posts_refer_to_what_exists() -> None:
    organisations = {record["id"]: record for record in read("organisations")}
    for post in posts():
        assert organisations[post["organisation_id"]]["region_code"] == post["region_code"], post["id"]
        assert post["domain"] in terms("domains"), post["id"]
        assert post["industry_codes"]
        assert set(post["industry_codes"]) <= set(terms("industries")), post["id"]
        assert set(post["cooperation_modes"]) <= set(terms("cooperation_modes")), post["id"]
        assert post["visibility"] in VISIBILITIES
        assert post["status"] in STATUSES
        assert post["language"] in ("zh", "en")
        assert len(post["keywords"]) <= 5
        assert (post.get("close_reason") in terms("close_reasons")) == (post["status"] in ("closed", "archived"))
        assert (post.get("return_reason") in terms("return_reasons")) == (post["status"] == "returned")
    for need in read("needs"):
        assert need["town"] is None or need["town"] in terms("towns")
        assert need["ip_arrangement"] is None or need["ip_arrangement"] in terms("ip_arrangements")
    experts = {record["id"]: record for record in read("experts")}
    for capability in read("capabilities"):
        assert capability["kind"] in CAPABILITY_KINDS
        assert capability["discipline"] in terms("disciplines")
        assert capability["maturity"] in (None, *range(1, 10))
        assert capability["ip_status"] in (None, "filed", "granted", "secret")
        assert (capability["ip_number"] is None) == (capability["ip_status"] in (None, "secret"))
        assert capability["ip_number"] is None or "2099" in capability["ip_number"], "a year that has no patents yet"
        assert (capability["ipc"] is None) or re.fullmatch(r"[A-H]\d\d[A-Z] \d{1,4}/\d{2,}", capability["ipc"])
        for expert_id in capability["expert_ids"]:
            assert experts[expert_id]["organisation_id"] == capability["organisation_id"], capability["id"]


def test_dates_and_money_are_in_order() -> None:
    for need in read("needs"):
        if need["starts_on"]:
            assert date.fromisoformat(need["starts_on"]) < date.fromisoformat(need["ends_on"]), need["id"]
        else:
            assert need["ends_on"] is None
    for post in posts():
        money = post["budget"] if "budget" in post else post["price"]
        if money is not None:
            low, high = (None if money[name] is None else Decimal(money[name]) for name in ("minimum", "maximum"))
            assert money["negotiable"] or low is not None or high is not None, post["id"]
            assert low is None or high is None or 0 < low <= high, post["id"]


def test_age_goes_with_status() -> None:
    for post in posts():
        days = post["published_days_ago"]
        if post["status"] == "draft" or days is None:
            assert post["status"] in ("draft", "submitted", "returned"), post["id"]
        elif post["status"] == "expired":
            assert days > 365, post["id"]
        elif post["status"] == "published":
            assert 0 < days < 365, post["id"]


def test_confidential_needs_have_a_fictitious_contact_and_texts_have_none() -> None:
    for need in read("needs"):
        if need["visibility"] != "public":
            assert need["contact"]["name"].endswith("（示例）") or need["organisation_id"] in ("org-opt", "org-hkshoe")
        if need["contact"] is not None:
            assert re.fullmatch(r"138-0000-\d{4}", need["contact"]["phone"])
            assert need["contact"]["email"].endswith("@example.cn")
    for record in [*posts(), *read("organisations")]:
        text = prose(record) + (record.get("intro") or "")
        assert not re.search(r"1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}-\d{7,8}|@[\w.]+\.\w+", text), record["id"]
    addresses = [record["email"] for record in [*read("experts"), *read("users")]]
    assert all(address.split("@")[1] in ("example.cn", "example.com", "example.edu.cn") for address in addresses)


def test_mixture_is_as_promised() -> None:
    needs, capabilities = read("needs"), read("capabilities")
    assert len(needs) >= 70
    assert len(capabilities) >= 170
    assert sum(need["language"] == "en" for need in needs) >= 4
    assert sum(capability["language"] == "en" for capability in capabilities) >= 12
    assert sum(post["status"] == "expired" for post in posts()) >= 5
    assert sum(post["visibility"] != "public" for post in posts()) >= 10
    assert {post["status"] for post in posts()} == STATUSES
    assert {post["visibility"] for post in posts()} == set(VISIBILITIES)
    assert {capability["kind"] for capability in capabilities} == set(CAPABILITY_KINDS)
    assert sum(capability["maturity"] is None for capability in capabilities) >= 10
    assert sum(need["budget"] is None for need in needs) >= 5
    assert sum(need["budget"] is not None and need["budget"]["negotiable"] for need in needs) >= 5
    vague = [need for need in needs if not need["indicators"] and len(need["problem"]) < 60]
    assert len(vague) >= 6
    assert min(len(prose(post)) for post in posts()) < 40
    assert 1300 < max(len(prose(post)) for post in posts()) <= 1500
    for name in ("industry_codes", "domain"):
        used = {str(post[name][0])[0] if name == "industry_codes" else post[name] for post in posts()}
        assert len(used) >= 7, name


def test_plan_cooperations_are_pairs_with_the_plan_as_their_only_source() -> None:
    by_id = {post["id"]: post for post in posts()}
    organisations = {record["id"]: record for record in read("organisations")}
    named = [post for post in posts() if "plan_pair" in post]
    assert len(named) == 8
    partners = {
        ("org-shiyun", "org-gdas"), ("org-huaao", "org-jnu"), ("org-fuhua", "org-jlu"), ("org-hongtu", "org-ysgzz")
    }  # fmt: skip
    assert {
        (need["organisation_id"], by_id[need["plan_pair"]]["organisation_id"])
        for need in named
        if need["id"].startswith("need-")
    } == partners
    for post in named:
        assert by_id[post["plan_pair"]]["plan_pair"] == post["id"]
        assert post["source"] == PLAN
        assert organisations[post["organisation_id"]]["source"] == PLAN
        assert not post.get("contact")
        assert not post.get("budget")
        assert not post.get("price")
        assert not post.get("indicators")
        assert post.get("maturity") is None
        assert not post.get("expert_ids")
        assert not re.search(r"\d", prose(post).replace("5G", "")), "the plan gives no figures"


def test_every_text_was_written_by_itself() -> None:
    """No sentence twice, and no two posts that a template could have made."""
    written = [post for post in posts() if "plan_pair" not in post]
    seen: dict[str, str] = {}
    for post in written:
        for sentence in re.split(r"[。；！？\n]|(?<=[a-z])\. ", prose(post)):
            clean = re.sub(r"\W", "", sentence)
            if len(clean) >= 12:
                assert seen.setdefault(clean, post["id"]) == post["id"], clean
    grams = {post["id"]: phrases(post) for post in written}
    for (one, first), (two, second) in combinations(grams.items(), 2):
        assert len(first & second) / min(len(first), len(second)) < 0.3, (one, two)


# judged pairs


def test_judged_files_equal_the_records() -> None:
    for kind in ("needs", "capabilities"):
        made = from_records.make_lines(kind, from_records.read_records(kind))
        assert (from_records.JUDGED / f"{kind}.jsonl").read_text(encoding="utf-8") == made, "see judged/README.md"


def test_only_what_matching_may_see_is_judged() -> None:
    record = dict(
        read("needs")[0], expected_result="成果", budget={"minimum": "20", "maximum": "30", "negotiable": False}
    )
    hidden = [dict(record, status="draft"), dict(record, status="expired"), dict(record, visibility="staff")]
    (line,) = map(json.loads, from_records.make_lines("needs", [*hidden, record]).splitlines())
    assert line["budget"] == "20-30"
    assert line["text"] == record["problem"] + "\n成果"
    assert "indicators" not in line


def test_qrels_are_well_formed_and_many_enough() -> None:
    rows = from_records.read_qrels()
    assert rows == sorted(rows)
    assert len({(need, capability) for need, capability, _ in rows}) == len(rows) >= 500
    judged = {
        kind: {json.loads(line)["id"] for line in (from_records.JUDGED / f"{kind}.jsonl").open(encoding="utf-8")}
        for kind in ("needs", "capabilities")
    }
    assert {need for need, _, _ in rows} <= judged["needs"]
    assert {capability for _, capability, _ in rows} <= judged["capabilities"]
    by_need: dict[str, list[int]] = {}
    for need, _, level in rows:
        by_need.setdefault(need, []).append(level)
    assert len(by_need) >= 45
    for need, levels in by_need.items():
        assert len(levels) >= 8, need
        assert max(levels) >= 3, need
        assert levels.count(2) >= 2, f"{need} lacks hard negatives"
        assert set(levels) <= {1, 2, 3, 4}


def test_plan_pairs_are_judged_as_fitting() -> None:
    levels = {(need, capability): level for need, capability, level in from_records.read_qrels()}
    assert [levels[need["id"], need["plan_pair"]] for need in read("needs") if "plan_pair" in need] == [4, 4, 4, 4]


def test_works_belong_to_experts_and_are_each_there_once() -> None:
    experts = {record["id"] for record in read_records("experts.jsonl")}
    works = list(read_records("works.jsonl"))
    assert {work["expert_id"] for work in works} <= experts
    titles = [(work["expert_id"], work["title"]) for work in works]
    assert len(set(titles)) == len(titles)
    assert all(not work.get("doi") for work in works), "invented works must not point at real ones"

"""The judged set's needs and capabilities in the form of the command line, made from the records.

`python -m seed_data.judged.from_records` writes `needs.jsonl` and `capabilities.jsonl` beside this file; a test holds
them equal to what the functions here make, so the set cannot drift from the demonstration. `qrels.tsv` is written by
hand and only checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from matching.documents import MoneyRange
from matching.importing.values import format_money

SEED_DATA = Path(__file__).resolve().parent.parent
JUDGED = SEED_DATA / "judged"

_PROSE = {
    "needs": ("problem", "expected_result"),
    "capabilities": ("abstract", "advantages", "applications"),
}
_MONEY = {"needs": "budget", "capabilities": "price"}
_CARRIED = {
    "needs": ("indicators", "cooperation_modes", "starts_on", "ends_on"),
    "capabilities": ("kind", "maturity", "discipline", "cooperation_modes"),
}


def read_records(kind: str) -> list[dict[str, Any]]:
    """The records of `needs` or `capabilities`, in the file's order."""
    lines = (SEED_DATA / "records" / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def make_lines(kind: str, records: Iterable[dict[str, Any]]) -> str:
    """JSON lines that `duijie match` and `duijie evaluate` read: one for each record that matching may see.

    Those are the published ones that are not for staff only. Fields without a value are left out; money is written as
    people write it, in 万元.
    """
    seen = (record for record in records if record["status"] == "published" and record["visibility"] != "staff")
    return "".join(json.dumps(_make_line(kind, record), ensure_ascii=False) + "\n" for record in seen)


def _make_line(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "id": record["id"],
        "title": record["title"],
        "text": "\n".join(record[name] for name in _PROSE[kind] if record[name]),
        "keywords": record["keywords"],
        "industry": record["industry_codes"],
        "domain": record["domain"],
        "region": record["region_code"],
        "language": record["language"],
        _MONEY[kind]: format_money(_read_money(record[_MONEY[kind]])),
    }
    line.update({name: record[name] for name in _CARRIED[kind]})
    return {name: value for name, value in line.items() if value not in (None, "", [])}


def _read_money(value: dict[str, Any] | None) -> MoneyRange | None:
    if value is None:
        return None
    minimum, maximum = (None if value[name] is None else Decimal(value[name]) for name in ("minimum", "maximum"))
    return MoneyRange(minimum=minimum, maximum=maximum, negotiable=value["negotiable"])


def read_qrels() -> list[tuple[str, str, int]]:
    """The judgements: need, capability, level 1–4."""
    rows: Sequence[str] = (JUDGED / "qrels.tsv").read_text(encoding="utf-8").splitlines()
    return [(need, capability, int(level)) for need, capability, level in (row.split("\t") for row in rows)]


def main() -> int:
    """Write both files anew."""
    for kind in ("needs", "capabilities"):
        (JUDGED / f"{kind}.jsonl").write_text(make_lines(kind, read_records(kind)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

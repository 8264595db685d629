"""`duijie match` and `duijie evaluate`: ranking without a server."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matching.errors import InvalidInput
from matching.settings import Settings, load_settings
from web.commands.progress import progress_bar

if TYPE_CHECKING:
    from matching.embeddings.port import Embedder
    from matching.exporting.match_workbook import MatchRow
    from matching.ranking.learned import Ranker
    from matching.ranking.offline import MatchedPair

_FILE = click.Path(path_type=Path)
_MEASURES = {
    "ndcg_10": "nDCG@10", "auc": "AUC", "recall_50": "recall@50", "recall_1": "recall@1", "recall_10": "recall@10",
    "mrr": "MRR",
}  # fmt: skip
_LANGUAGES = click.Choice(["zh", "en"])


@click.command()
@click.argument("needs", type=_FILE)
@click.argument("capabilities", type=_FILE)
@click.option("--top", default=10, show_default=True, type=click.IntRange(0), help="Per need; 0 ranks all.")
@click.option("--out", type=_FILE, help="Output: .xlsx .csv .tsv .jsonl. [default: a table on the terminal]")
@click.option("--language", type=_LANGUAGES, default="zh", show_default=True, help="Of reasons and headings.")
@click.option("--include-hidden", is_flag=True, help="Also take hidden sheets, rows and columns.")
def match(needs: Path, capabilities: Path, top: int, out: Path | None, language: str, include_hidden: bool) -> None:
    """Rank the CAPABILITIES for each of the NEEDS, with reasons. Files: .xlsx .xls .csv .tsv .jsonl.

    No server is needed. Rows that could not be read are named, and stand on a sheet of their own in .xlsx.
    """
    from matching.exporting.match_workbook import check_output, match_table, write_matches
    from matching.importing.documents import read_documents
    from matching.ranking.offline import match_documents

    if out is not None:
        check_output(out)
    wanted, not_wanted = read_documents(needs, "need", include_hidden=include_hidden)
    offered, not_offered = read_documents(capabilities, "capability", include_hidden=include_hidden)
    left_out = [*not_wanted, *not_offered]
    for item in left_out[:20]:
        place, reason = (item.place_en, item.reason_en) if language == "en" else (item.place, item.reason)
        click.echo(f"{place}：{reason}", err=True)
    if len(left_out) > 20:
        click.echo(f"… {len(left_out) - 20}", err=True)
    for file, documents in ((needs, wanted), (capabilities, offered)):
        if not documents:
            raise InvalidInput(
                "match.nothing_to_rank", "文件里没有可以匹配的内容", where=str(file),
                message_en="The file has nothing that can be matched",
            )  # fmt: skip
    settings = load_settings()
    embedder, ranker = _models(settings)
    explain = out is None or out.suffix.lower() != ".tsv"
    with progress_bar("匹配 / matching") as on_progress:
        pairs = match_documents(
            wanted, offered, embedder, ranker=ranker, top=top, explain=explain, on_progress=on_progress
        )
        rows = _rows(pairs)
        if out is None:
            shown = list(rows)
        else:
            notes = [
                f"{'Needs' if language == 'en' else '技术需求'}：{needs.name}（{len(wanted)}）",
                f"{'Capabilities' if language == 'en' else '技术供给'}：{capabilities.name}（{len(offered)}）",
                f"{'Model' if language == 'en' else '模型版本'}：{ranker.revision}",
            ]
            write_matches(rows, out, left_out=left_out, language=language, notes=notes)  # type: ignore[arg-type]
    if out is None:
        from rich.console import Console

        Console(width=None if sys.stdout.isatty() else 160).print(
            match_table(shown, language=language)  # type: ignore[arg-type]
        )
    else:
        click.echo(str(out))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option(
    "--compare",
    "--model",
    "others",
    multiple=True,
    help="Beside it: a revision (ranker-…, shipped, fusion), a ranker's file (.json), or a sentence-transformers model "
    "(name or folder); repeatable.",
)
def evaluate(folder: Path, as_json: bool, others: tuple[str, ...]) -> None:
    """Measure match quality on the judged set in FOLDER.

    FOLDER has needs.jsonl, capabilities.jsonl or achievements.jsonl, and qrels.tsv (need, capability, level 1–4).
    Prints nDCG@10, AUC and recall@50, and recall@1, recall@10 and MRR for sets with one match per need. With
    --compare the figures stand side by side, and the differences to the first.
    """
    from matching.ranking.evaluate import evaluate_ranking, load_judged_set

    judged = load_judged_set(folder)
    settings = load_settings()
    found = []
    for other in (None, *others):
        embedder, ranker = _models(settings) if other is None else _named_models(settings, other)
        with progress_bar(f"评测 / evaluating {judged.name}") as on_progress:
            found.append(evaluate_ranking(judged, embedder, ranker, on_progress=on_progress))
    shown = [{_MEASURES.get(name, name): value for name, value in evaluation.to_json().items()} for evaluation in found]
    if as_json:
        click.echo(json.dumps(shown if others else shown[0], ensure_ascii=False))
        return
    for name, first in shown[0].items():
        cells = ["–" if values[name] is None else str(values[name]) for values in shown]
        if name in _MEASURES.values():
            for place, values in enumerate(shown[1:], start=1):
                value = values[name]
                if isinstance(value, float) and isinstance(first, float):
                    cells[place] += f" ({value - first:+.4f})"
        click.echo("\t".join((name, *cells)))


def _named_models(settings: Settings, name: str) -> tuple[Embedder, Ranker]:
    """What a name given to --compare stands for: a ranker for the present encoder, or another encoder."""
    from matching.bootstrap import build_platform, open_embedder
    from matching.ranking.learned import fusion_ranker, load_ranker, parse_ranker

    if name == "fusion":
        embedder = open_embedder(settings)
        return embedder, fusion_ranker(embedder.model_revision)
    if name == "shipped":
        embedder = open_embedder(settings)
        return embedder, load_ranker(encoder_revision=embedder.model_revision)
    if re.fullmatch(r"ranker-[0-9a-f]{12}", name):
        from sqlalchemy.exc import DBAPIError

        from matching.models import ModelRevision

        embedder = open_embedder(settings)
        with build_platform(settings).reading() as session:
            try:
                revision = session.get(ModelRevision, name)
            except DBAPIError:
                revision = None  # no database yet
            if revision is None:
                raise InvalidInput(
                    "model.not_found", "没有这个模型版本", where=name, message_en="There is no such revision"
                )
            return embedder, parse_ranker(revision.data, encoder_revision=embedder.model_revision, name=name)
    if name.endswith(".json"):
        embedder = open_embedder(settings)
        return embedder, load_ranker(Path(name), encoder_revision=embedder.model_revision)
    chosen = settings.model_copy(update={"encoder_model": name})
    embedder = open_embedder(chosen)
    return embedder, load_ranker(chosen.ranker_model, encoder_revision=embedder.model_revision)


def _models(settings: Settings) -> tuple[Embedder, Ranker]:
    from matching.bootstrap import open_embedder
    from matching.ranking.learned import load_ranker

    embedder = open_embedder(settings)
    return embedder, load_ranker(settings.ranker_model, encoder_revision=embedder.model_revision)


def _rows(pairs: Iterator[MatchedPair]) -> Iterator[MatchRow]:
    from matching.exporting.match_workbook import MatchRow

    for pair in pairs:
        yield MatchRow(
            need=pair.need,
            capability=pair.capability,
            rank=pair.rank,
            score=pair.score,
            probability=pair.probability,
            reasons=pair.reasons,
        )

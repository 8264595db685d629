"""Tune an encoder on judged folders, many tasks at once, and report how well it does on needs it did not see."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matching.embeddings.model_folder import REVISION_FILE, WEIGHTS_FILE, read_model_folder, write_revision
from matching.embeddings.onnx_embedder import OnnxEmbedder
from matching.embeddings.port import Embedder, Prompt, Vectors
from matching.embeddings.quiet import import_sentence_transformers
from matching.errors import InvalidInput
from matching.ranking.metrics import (
    MATCH_LEVEL,
    compute_auc,
    compute_ndcg,
    compute_recall,
    compute_reciprocal_rank,
    rank_positions,
)
from matching.training.batches import plan_mixed_batches, plan_neighbour_batches
from matching.training.frozen_layers import freeze_lower_part
from matching.training.head import HeadRecipe, HeadRows, add_head, fit_head, strip_head
from matching.training.interrupted import open_work_folder
from matching.training.judged_folder import JudgedFolder, read_judged_folder, require_distinct_names
from matching.training.kept_texts import cut_at_tokens, draw_kept_texts, embed_as_is, make_keeping_loss
from matching.training.layers import LayersRecipe, tune_layers
from matching.training.paragraphs import (
    Paragraph,
    collect_paragraph_tasks,
    leave_out_judged,
    read_paragraphs,
)
from matching.training.tasks import (
    PairTask,
    Prompts,
    collect_judged,
    collect_openings,
    collect_terms,
    collect_titles,
    thin,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from matching.training.frozen_layers import HiddenStates

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what is being done."""

CHECKPOINTS = "checkpoints"
_STEPS_A_CHECKPOINT = 25
"""About two minutes' work on two processors."""
REPORT_JSON = "training-report.json"
REPORT_MARKDOWN = "training-report.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRecipe:
    """Everything that decides the result besides the data and the base model."""

    epochs: int = 0
    """Passes in which the upper layers are tuned on judgements; with 0 only the head is learned."""
    batch_size: int = 32
    learning_rate: float = 1e-4
    warm_up: float = 0.1
    """Share of the steps in which the learning rate rises."""
    frozen_layers: int = 6
    """Word vectors and this many lower layers stay as they are: it halves the time and keeps what the base knows."""
    window: int = 128
    """Tokens read of each text while training; the finished model reads as many as its base."""
    graded_scale: float = 20.0
    pair_scale: float = 50.0
    """Cosines of the base lie close together, so pairs need a sharper softmax than the usual 20."""
    kept_weight: float = 12.0
    """What moving the vectors of texts that are not learned by order costs beside that order, while layers are tuned.
    With 0 they are let go."""
    kept_tokens: int = 64
    base_share: float = 0.5
    """Share of the base's weights in the tuned layers: what the base knows of other kinds of text comes back, most of
    what was learned stays (M. Wortsman and others, Robust fine-tuning of zero-shot models, 2022)."""
    title_rows: int = 800
    opening_rows: int = 600
    term_rows: int = 3000
    judged_weight: float = 1.0
    unjudged_weight: float = 0.3
    """Weights in the head's loss of a task of judgements, and of one without a judge."""
    head: HeadRecipe = field(default_factory=HeadRecipe)
    layers: LayersRecipe = field(default_factory=LayersRecipe)
    """How layers are tuned on paragraphs, where some are given, before anything is learned from judgements."""
    seed: int = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderReport:
    """What came out. `folds` maps folder → one dict of figures per fold, `base_folds` the same for the base model."""

    revision: str
    base_revision: str
    recipe: EncoderRecipe
    rows: Mapping[str, int]
    folds: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)
    base_folds: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)


def train_encoder(
    dirs: Sequence[Path],
    base: Path,
    out: Path,
    *,
    seed: int = 17,
    epochs: int | None = None,
    resume: bool = False,
    on_progress: Progress | None = None,
    paragraphs: Path | None = None,
    folds: int = 0,
    recipe: EncoderRecipe | None = None,
    keep_folds: bool = False,
) -> EncoderReport:
    """Tune `base` on the judgements of `dirs` and write a sentence-transformers folder (float16 weights) to `out`.

    Folders with several levels per need are learned by order, the others as positives with the batch's neighbours as
    negatives; `paragraphs` (.jsonl or .jsonl.gz, key `text`) adds pairs that need no judge. With `folds` ≥ 2 the
    figures of the report come from that many trainings, each judged on needs it did not see; the model itself is
    trained on all of them. `keep_folds` leaves the folds' models in `name_fold_folder`,
    for teaching a ranker. `resume` goes on from the last checkpoint of an interrupted call with equal arguments.
    Raises InvalidInput for a folder that cannot be read, or for a checkpoint of other arguments.
    """
    chosen = recipe or EncoderRecipe()
    chosen = replace(chosen, seed=seed, layers=replace(chosen.layers, seed=seed))
    if epochs is not None:
        chosen = replace(chosen, epochs=epochs)
    if folds == 1 or folds < 0:
        raise InvalidInput("training.folds", "折数须为 0 或至少 2", message_en="folds must be 0 or at least 2")
    require_distinct_names(dirs)
    folders = [read_judged_folder(path) for path in dirs]
    if not folders:
        raise InvalidInput(
            "training.no_folder", "至少需要一个评判目录", message_en="at least one judged folder is needed"
        )
    texts = list(read_paragraphs(paragraphs)) if paragraphs else []
    tunes_layers = bool(texts and chosen.layers.steps)
    tell = on_progress or _tell_nobody
    measured: dict[str, list[Mapping[str, float]]] = {}
    measured_base: dict[str, list[Mapping[str, float]]] = {}
    memory = _Memory()
    work = open_work_folder(out, describe_call(chosen, dirs, base, paragraphs), resume=resume)
    start = base
    if tunes_layers:
        start = work / "layers"
        if not (start / REVISION_FILE).is_file():
            _tune_on_paragraphs(leave_out_judged(texts, folders), base, start, chosen.layers, work, tell)
        # What the layers have learned from, the head need not learn from again.
        texts = []
    # The base is measured as it is, with its own head and layers.
    base_vectors = {} if tunes_layers or read_model_folder(base).head else memory.vectors
    plain = [row.text for row in texts]
    for fold in range(folds):
        place = work / f"fold-{fold}"
        figures_file = place / "figures.json"
        if not figures_file.is_file():
            seen = {need_id for folder in folders for need_id in folder.levels if assign_fold(need_id, folds) != fold}
            unseen = {need_id for folder in folders for need_id in folder.levels} - seen
            hidden = {key for folder in folders for key in folder.capabilities if assign_fold(key, folds) == fold}
            tasks = collect_tasks(folders, seen, plain, read_prompts(base), chosen, hidden)
            tuned = _train_once(
                tasks, start, place / "model", chosen, place / CHECKPOINTS, memory, tell, f"{fold + 1}/{folds}"
            )
            figures = []
            for embedder in (tuned, _RowEmbedder(OnnxEmbedder(base, cache=work / "onnx"), base_vectors)):
                pools = {folder.name: pick_candidates(folder, unseen, hidden) for folder in folders}
                figures.append({f.name: measure_encoder(embedder, f, unseen, pools[f.name]) for f in folders})
            figures_file.write_text(json.dumps(figures), encoding="utf-8")
            if keep_folds:
                _move(place / "model", name_fold_folder(out, fold))
            shutil.rmtree(place / "model", ignore_errors=True)
            shutil.rmtree(place / CHECKPOINTS, ignore_errors=True)
        for target, part in zip((measured, measured_base), json.loads(figures_file.read_text("utf-8")), strict=True):
            for name, values in part.items():
                target.setdefault(name, []).append(values)
    everyone = [need_id for folder in folders for need_id in folder.levels]
    tasks = collect_tasks(folders, everyone, plain, read_prompts(base), chosen)
    _train_once(tasks, start, out, chosen, work / CHECKPOINTS, memory, tell, "all needs")
    report = EncoderReport(
        revision=write_revision(out),
        base_revision=read_model_folder(base).revision,
        recipe=chosen,
        rows={task.name: len(task.rows) for task in tasks},
        folds=measured,
        base_folds=measured_base,
    )
    write_report(report, out)
    shutil.rmtree(work, ignore_errors=True)
    return report


def name_fold_folder(out: Path, fold: int) -> Path:
    """Where the model of a fold is kept: it has not learned from the needs that `assign_fold` gives to the fold."""
    return out.parent / f"{out.name}.folds" / f"fold-{fold}"


def _move(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def read_prompts(base: Path) -> Prompts:
    """The prompts that the base model was trained with."""
    folder = read_model_folder(base)
    return Prompts(query=folder.query_prompt, passage=folder.passage_prompt)


def assign_fold(need_id: str, folds: int) -> int:
    """A need's fold depends on its id alone, so that every run and every revision is judged on the same split."""
    return sum(need_id.encode()) * 2654435761 % (1 << 32) * folds >> 32


def collect_tasks(
    folders: Sequence[JudgedFolder],
    needs: Collection[str],
    paragraphs: Sequence[str],
    prompts: Prompts,
    recipe: EncoderRecipe,
    hidden: Collection[str] = (),
) -> list[PairTask]:
    """All tasks that have rows. `needs` limits the judgements; titles, openings and terms hold none."""
    allowed = set(needs)
    tasks = [collect_judged(folder, allowed, prompts, recipe.seed, hidden) for folder in folders]
    tasks.append(thin(collect_titles(folders, prompts), recipe.title_rows, recipe.seed))
    tasks.append(thin(collect_openings(paragraphs, prompts), recipe.opening_rows, recipe.seed))
    tasks.append(thin(collect_terms(paragraphs, prompts), recipe.term_rows, recipe.seed))
    kept = [task for task in tasks if len(task.rows) > 1]
    if not kept:
        raise InvalidInput("training.nothing", "没有可学习的评判", message_en="there is no judgement to learn from")
    return kept


def pick_candidates(folder: JudgedFolder, needs: Collection[str], hidden: Collection[str]) -> list[str]:
    """The capabilities among which unseen needs must find theirs.

    All of a graded folder's. Else the matches of `needs` and of the others those that were `hidden` in training: a
    passage that was a positive or a negative there has been pushed about, and would make the task easier.
    """
    if folder.is_graded:
        return list(folder.capabilities)
    judged = {key for levels in folder.levels.values() for key in levels}
    wanted = {key for need_id in needs for key in folder.levels.get(need_id, ())}
    return [key for key in folder.capabilities if key in wanted or (key in hidden and key not in judged)]


def measure_encoder(
    embedder: _RowEmbedder | Embedder, folder: JudgedFolder, needs: Collection[str], candidates: Sequence[str]
) -> dict[str, float]:
    """Figures of one folder over those of `needs` that it judges, by the cosine alone, among `candidates`.

    Graded folders: `ndcg@10`, `auc`, `recall@50`; the others `recall@1`, `recall@10`, `mrr`.
    """
    chosen = [need_id for need_id in folder.levels if need_id in needs]
    places = {capability_id: place for place, capability_id in enumerate(candidates)}
    passages = embedder.embed([folder.capabilities[key].whole for key in candidates], prompt="passage")
    titles = [folder.needs[need_id].title or folder.needs[need_id].text for need_id in chosen]
    queries = embedder.embed(titles, prompt="query")
    sums: dict[str, list[float]] = {}

    def note(name: str, value: float | None) -> None:
        if value is not None:
            sums.setdefault(name, []).append(value)

    for row, need_id in enumerate(chosen):
        scores = (passages @ queries[row]).astype(np.float64)
        judged = folder.levels[need_id]
        matches = [places[capability_id] for capability_id, level in judged.items() if level >= MATCH_LEVEL]
        ranks = rank_positions(scores, matches)
        if folder.is_graded:
            levels = list(judged.values())
            judged_scores = scores[[places[capability_id] for capability_id in judged]]
            note("ndcg@10", compute_ndcg(judged_scores, levels))
            note("auc", compute_auc(judged_scores, levels))
            note("recall@50", compute_recall(ranks, 50) if matches else None)
        elif matches:
            note("recall@1", compute_recall(ranks, 1))
            note("recall@10", compute_recall(ranks, 10))
            note("mrr", compute_reciprocal_rank(ranks))
    return {name: float(np.mean(values)) for name, values in sums.items()}


def average_weights(first: Mapping[str, Any], second: Mapping[str, Any], first_share: float) -> dict[str, Any]:
    """Weight by weight, `first_share` of the first model and the rest of the second."""
    return {name: first[name] * first_share + value * (1 - first_share) for name, value in second.items()}


def write_report(report: EncoderReport, out: Path) -> None:
    """The report beside the model, once for programs and once for people."""
    (out / REPORT_JSON).write_text(json.dumps(asdict(report), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    lines = [f"# {report.revision}", "", f"Tuned from {report.base_revision}.", "", "| rows of | count |", "|---|---|"]
    lines += [f"| {name} | {count} |" for name, count in report.rows.items()]
    lines += ["", "Recipe: " + ", ".join(f"{name} {value}" for name, value in asdict(report.recipe).items()), ""]
    if report.folds:
        lines += ["Figures on needs not seen, mean over folds ± standard deviation:", ""]
        lines += ["| folder | figure | base | tuned |", "|---|---|---|---|"]
        for name, folds in report.folds.items():
            for figure in folds[0]:
                before = _spread([fold[figure] for fold in report.base_folds[name]])
                lines.append(f"| {name} | {figure} | {before} | {_spread([fold[figure] for fold in folds])} |")
    (out / REPORT_MARKDOWN).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


def _tell_nobody(done: int, total: int, what: str) -> None:
    return


def describe_call(
    recipe: EncoderRecipe, dirs: Sequence[Path], base: Path, paragraphs: Path | None = None
) -> dict[str, Any]:
    """What must be equal for an interrupted call to be gone on with."""
    return {
        "recipe": asdict(recipe),
        "dirs": [str(path.resolve()) for path in dirs],
        "base": read_model_folder(base).revision,
        "paragraphs": str(paragraphs.resolve()) if paragraphs else None,
    }


@dataclass(slots=True)
class _Memory:
    """What trainings of the same base share: outputs of the frozen layers, and vectors where no layer is tuned."""

    states: HiddenStates = field(default_factory=dict)
    vectors: dict[str, Vectors] = field(default_factory=dict)


def _tune_on_paragraphs(
    paragraphs: Sequence[Paragraph], base: Path, out: Path, recipe: LayersRecipe, work: Path, tell: Progress
) -> None:
    """Write `base` without its head to `out`, with upper layers that have learned from paragraphs alone."""
    plain = work / "plain"
    _copy_base(base, plain)
    strip_head(plain)
    kinds = [kind for run in recipe.runs for kind in run]
    collected = collect_paragraph_tasks(paragraphs, read_prompts(base), recipe.seed, kinds)
    runs = [[task for task in collected if task.name in run and len(task.rows) > 1] for run in recipe.runs]
    runs = [tasks for tasks in runs if tasks]
    if not runs:
        raise InvalidInput(
            "training.no_paragraph", "没有可学习的段落", message_en="there is no paragraph to learn from"
        )
    window = read_model_folder(base).window
    total = len(runs) * recipe.steps
    mean: dict[str, Any] = {}
    for run, tasks in enumerate(runs):
        model = import_sentence_transformers().SentenceTransformer(
            str(plain), device="cpu", model_kwargs={"torch_dtype": "float32"}
        )
        tokenizer = model.tokenizer

        def encode(text: str, tokenizer: Any = tokenizer) -> list[int]:
            return list(tokenizer(text, verbose=False)["input_ids"])[:window]

        def count(done: int, _total: int, before: int = run * recipe.steps) -> None:
            tell(before + done, total, "layers")

        tune_layers(model[0].model, encode, tasks, recipe, work / f"layers-{run}", tell=count)
        tuned = model.state_dict()
        mean = (
            average_weights(mean, tuned, run / (run + 1)) if mean else {n: v.detach().clone() for n, v in tuned.items()}
        )
    model.load_state_dict(mean)
    save_encoder(model, plain, out)
    write_revision(out)


def _train_once(
    tasks: Sequence[PairTask],
    base: Path,
    out: Path,
    recipe: EncoderRecipe,
    checkpoints: Path,
    memory: _Memory,
    tell: Progress,
    what: str,
) -> _RowEmbedder:
    """Tune the layers, then learn the head on their vectors; returns what embeds like the model now in `out`."""
    if recipe.epochs:
        # Pairs are left to the head where there are levels: layers that learn from them too find translations better,
        # and answers to problems worse (docs/matching.md). Their texts are kept where they are.
        graded = [task for task in tasks if task.is_graded]
        others = [task for task in tasks if not task.is_graded] if graded else []
        _tune(graded or tasks, others, base, out, recipe, checkpoints, memory.states, tell, what)
        vectors: dict[str, Vectors] = {}
    else:
        _copy_base(base, out)
        vectors = memory.vectors
    strip_head(out)
    write_revision(out)
    embedder = OnnxEmbedder(out, cache=checkpoints.parent / "onnx")
    plain = _RowEmbedder(embedder, vectors)
    rows = [_embed_task(task, plain, recipe, tell, what) for task in tasks]
    head = fit_head(rows, recipe.head)
    add_head(out, head)
    write_revision(out)
    return _RowEmbedder(embedder, vectors, head)


class _RowEmbedder:
    """Embeds training rows, remembering the plain vectors so that folds and heads share them."""

    def __init__(
        self, embedder: OnnxEmbedder, known: dict[str, Vectors], head: NDArray[np.float32] | None = None
    ) -> None:
        self._embedder = embedder
        self._known = known
        self._head = head

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        words = self._embedder.query_prompt if prompt == "query" else self._embedder.passage_prompt
        return self.embed_rows([words + text for text in texts])

    def embed_rows(self, rows: Sequence[str], tell: Callable[[int, int], None] = lambda done, total: None) -> Vectors:
        """Rows carry their prompts; longer ones than the window are cut there."""
        missing = [row for row in dict.fromkeys(rows) if row not in self._known]
        for start in range(0, len(missing), _EMBED_AT_ONCE):
            part = missing[start : start + _EMBED_AT_ONCE]
            self._known.update(zip(part, self._embedder.embed_prompted(part), strict=True))
            tell(start + len(part), len(missing))
        vectors = np.stack([self._known[row] for row in rows])
        if self._head is None:
            return vectors
        turned = vectors @ self._head.T
        return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True), dtype=np.float32)


def _embed_task(task: PairTask, embedder: _RowEmbedder, recipe: EncoderRecipe, tell: Progress, what: str) -> HeadRows:
    def count(done: int, total: int) -> None:
        tell(done, total, f"{what}: {task.name}")

    return HeadRows(
        anchors=embedder.embed_rows([row[0] for row in task.rows], count),
        passages=embedder.embed_rows([row[1] for row in task.rows] + task.distractors, count),
        scores=task.scores,
        groups=task.groups,
        weight=recipe.judged_weight if task.is_judged else recipe.unjudged_weight,
        both_ways=task.both_ways,
    )


_EMBED_AT_ONCE = 512


def _copy_base(base: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(base, out, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    for entry in (out, *out.rglob("*")):
        entry.chmod(0o755 if entry.is_dir() else 0o644)


_NOT_COPIED = ("*.onnx", "revision.json", "training-*", "README.md", ".gitignore")


def _tune(
    tasks: Sequence[PairTask],
    others: Sequence[PairTask],
    base: Path,
    out: Path,
    recipe: EncoderRecipe,
    checkpoints: Path,
    known: HiddenStates,
    tell: Progress,
    what: str,
) -> None:
    """One training on `tasks`, the texts of `others` kept where they are; writes the model to `out` when complete."""
    import torch
    from datasets import Dataset, DatasetDict
    from sentence_transformers.sentence_transformer.losses import CoSENTLoss, MultipleNegativesRankingLoss
    from transformers import PrinterCallback, TrainerCallback

    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    library = import_sentence_transformers()
    model = library.SentenceTransformer(str(base), device="cpu", model_kwargs={"torch_dtype": "float32"})
    # The model card is ours: with one example in it the library draws none, under a bar of its own.
    model.model_card_data.widget = [{}]
    full_window = model.max_seq_length
    model.max_seq_length = min(recipe.window, read_model_folder(base).window)
    start = {name: value.detach().clone() for name, value in model.state_dict().items()}
    freeze_lower_part(model[0].model, recipe.frozen_layers, known)
    data = DatasetDict()
    losses: dict[str, Any] = {}
    plans: dict[str, Callable[[int], list[list[int]]]] = {}
    for task in tasks:
        columns: dict[str, Any] = {"anchor": [row[0] for row in task.rows], "positive": [row[1] for row in task.rows]}
        if task.is_graded:
            losses[task.name] = CoSENTLoss(model, scale=recipe.graded_scale)
            if recipe.kept_weight and others:
                drawn = draw_kept_texts(others, len(task.rows), recipe.seed)
                columns["kept"] = cut_at_tokens(model.tokenizer, drawn, recipe.kept_tokens)
                targets = embed_as_is(
                    model, columns["kept"], lambda done, total: tell(done, total, f"{what}: kept texts")
                )
                losses[task.name] = make_keeping_loss(model, losses[task.name], targets, recipe.kept_weight)
            columns["score"] = task.scores
        else:
            losses[task.name] = MultipleNegativesRankingLoss(
                model,
                scale=recipe.pair_scale,
                directions=("query_to_doc", "doc_to_query") if task.both_ways else ("query_to_doc",),
                partition_mode="per_direction" if task.both_ways else "joint",
            )
        data[task.name] = Dataset.from_dict(columns)
        plans[columns["anchor"][0]] = _make_plan(task, base, recipe)

    class Teller(TrainerCallback):
        """Hands the trainer's steps to the caller."""

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            tell(state.global_step, state.max_steps, what)

    arguments = library.SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warm_up,
        lr_scheduler_type="linear",
        weight_decay=0.01,
        bf16=True,
        use_cpu=True,
        seed=recipe.seed,
        data_seed=recipe.seed,
        save_strategy="steps",
        save_steps=_STEPS_A_CHECKPOINT,
        save_total_limit=1,
        logging_steps=20,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = _make_trainer_class(plans)(
        model=model, args=arguments, train_dataset=data, loss=losses, callbacks=[Teller()]
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=_find_last_checkpoint(checkpoints))
    model.max_seq_length = full_window
    model.load_state_dict(average_weights(start, model.state_dict(), recipe.base_share))
    save_encoder(model, base, out)


def _find_last_checkpoint(checkpoints: Path) -> str | None:
    """The newest that was written to its end; what was begun after it is dropped.

    The trainer writes its state last, and drops an older checkpoint only after that.
    """
    for place in sorted(checkpoints.glob("checkpoint-*"), key=lambda place: -int(place.name.rpartition("-")[2])):
        try:
            json.loads((place / "trainer_state.json").read_text("utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(place)
        else:
            return str(place)
    return None


def save_encoder(model: SentenceTransformer, base: Path, out: Path) -> None:
    """The folder of `base` with the model's weights as float16 in one file; replaced only when complete."""
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory(dir=_make_parent(out)) as temporary:
        place = Path(temporary) / out.name
        shutil.copytree(base, place, ignore=shutil.ignore_patterns(WEIGHTS_FILE, *_NOT_COPIED))
        weights = {
            name.removeprefix("0.model.").removeprefix("0.auto_model."): value.half().contiguous()
            for name, value in model.state_dict().items()
            if value.is_floating_point() and ".pooler." not in name
        }
        for entry in (place, *place.rglob("*")):
            entry.chmod(0o755 if entry.is_dir() else 0o644)
        save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((place / "config.json").read_text("utf-8"))
        config["dtype"] = "float16"
        (place / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        place.rename(out)


def _make_parent(out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    return out.parent


def _make_plan(task: PairTask, base: Path, recipe: EncoderRecipe) -> Callable[[int], list[list[int]]]:
    """The batches of an epoch, by a seed."""
    if task.is_graded:
        return lambda seed: plan_mixed_batches(len(task.rows), recipe.batch_size, seed)
    prompts = read_prompts(base)
    # The passages' openings say what they are about; the base model reads them faster than whole.
    openings = [passage.removeprefix(prompts.passage)[:_OPENING_LETTERS] for _, passage in task.rows]
    vectors = OnnxEmbedder(base).embed(openings, prompt="passage")
    return lambda seed: plan_neighbour_batches(task.rows, vectors, recipe.batch_size, seed)


_OPENING_LETTERS = 120


def _make_trainer_class(plans: Mapping[str, Callable[[int], list[list[int]]]]) -> Any:
    """The trainer with batches planned by this package; `plans` are keyed by the first anchor of each dataset."""
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class PlannedBatches(DefaultBatchSampler):
        """Planned anew each epoch."""

        epoch = 0

        def __init__(self, dataset: Any, *args: Any, **rest: Any) -> None:
            super().__init__(dataset, *args, **rest)
            self._plan = plans[dataset[0]["anchor"]]
            self._count = len(self._plan(self.seed))

        def __iter__(self) -> Iterator[list[int]]:
            batches = self._plan(self.seed + self.epoch)
            # The trainer counts on one number of batches; another seed may join pieces into one more or one less.
            for place in range(self._count):
                yield batches[place % len(batches)]

        def __len__(self) -> int:
            return self._count

    class PlannedTrainer(import_sentence_transformers().SentenceTransformerTrainer):  # type: ignore[misc]
        """Overridden here rather than by an argument, since arguments are pickled into checkpoints."""

        def get_batch_sampler(self, dataset: Any, *args: Any, **rest: Any) -> Any:
            return PlannedBatches(dataset, *args, **rest)

    return PlannedTrainer

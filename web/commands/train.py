"""`duijie train encoder` and `duijie train ranker`."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import click

from matching.settings import packaged_encoder
from web.commands.options import refuse_options
from web.commands.progress import progress_bar

_FOLDERS = click.Path(exists=True, file_okay=False, path_type=Path)
_OF_FILES = ("out", "seed", "encoder", "fold_encoders", "learning_curve", "resume")


@click.group()
def train() -> None:
    """Train on judged sets: folders with needs.jsonl, capabilities.jsonl or achievements.jsonl, and qrels.tsv."""


@train.command("encoder")
@click.argument("folders", nargs=-1, required=True, type=_FOLDERS)
@click.option("--base", type=_FOLDERS, default=packaged_encoder, help="Model to start from. [default: the shipped one]")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the new model.")
@click.option(
    "--paragraphs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Plain texts (.jsonl or .jsonl.gz, keys text and id) on which the upper layers are tuned first; works that "
    "share wording with FOLDERS are left out.",
)
@click.option("--layer-steps", type=click.IntRange(0), help="Steps of that tuning. [default: the recipe's]")
@click.option(
    "--epochs",
    default=0,
    show_default=True,
    type=click.IntRange(0, 50),
    help="Passes over FOLDERS in which layers are tuned as well; with 0 a head is learned from them.",
)
@click.option("--folds", default=0, show_default=True, type=click.IntRange(0), help="Cross-validate over needs first.")
@click.option("--keep-folds", is_flag=True, help="Leave the folds' models in OUT.folds, for `train ranker`.")
@click.option("--seed", default=17, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder.")
def encoder(
    folders: tuple[Path, ...],
    base: Path,
    out: Path,
    paragraphs: Path | None,
    layer_steps: int | None,
    epochs: int,
    folds: int,
    keep_folds: bool,
    seed: int,
    resume: bool,
) -> None:
    """Tune the encoder on FOLDERS and write it, with a report, to a folder."""
    if not folds:
        refuse_options(["keep_folds"], "needs --folds")
    if paragraphs is None:
        refuse_options(["layer_steps"], "needs --paragraphs")
    from matching.training.encoder import EncoderRecipe, train_encoder

    recipe = EncoderRecipe()
    if layer_steps is not None:
        recipe = replace(recipe, layers=replace(recipe.layers, steps=layer_steps))
    with progress_bar("训练编码器 / training the encoder") as on_progress:
        train_encoder(
            list(folders),
            base,
            out,
            seed=seed,
            epochs=epochs,
            resume=resume,
            paragraphs=paragraphs,
            folds=folds,
            recipe=recipe,
            keep_folds=keep_folds,
            on_progress=lambda done, total, _what: on_progress(done, total),
        )
    click.echo(f"{out}")


@train.command("ranker")
@click.argument("folders", nargs=-1, type=_FOLDERS)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File of the new ranker.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--from-platform",
    is_flag=True,
    help="Go on from the present ranker with what users answered and did; FOLDERS are judged sets that must not get "
    "worse. [default: the shipped one]",
)
@click.option("--encoder", type=_FOLDERS, help="Encoder whose vectors it is taught on. [default: the one in use]")
@click.option(
    "--fold-encoder",
    "fold_encoders",
    multiple=True,
    type=_FOLDERS,
    help="Model of a fold, as left by `train encoder --keep-folds`; once for each fold, in order.",
)
@click.option("--learning-curve", is_flag=True, help="Also say what 10, 25, 50 and 75 % of the needs would teach.")
@click.option("--resume", is_flag=True, help="Go on with what an interrupted call left in OUT.work.")
@click.option("--activate", is_flag=True, help="With --from-platform: use it at once where it is no worse.")
def ranker(
    folders: tuple[Path, ...],
    out: Path | None,
    seed: int,
    from_platform: bool,
    encoder: Path | None,
    fold_encoders: tuple[Path, ...],
    learning_curve: bool,
    resume: bool,
    activate: bool,
) -> None:
    """Train the ranker on FOLDERS and write it, with a report beside it, to a file; or from the platform's use."""
    if from_platform:
        refuse_options(_OF_FILES, "does not go with --from-platform, which teaches the ranker in use and keeps it")
        _train_from_platform(folders or (_shipped_judged_set(),), activate)
        return
    refuse_options(("activate",), "needs --from-platform; a file is used by naming it in DUIJIE_RANKER_MODEL")
    if not folders or out is None:
        raise click.UsageError("FOLDERS and --out are needed, or --from-platform")
    from matching.bootstrap import open_embedder
    from matching.settings import load_settings
    from matching.training.ranker import train_ranker

    shares = (0.1, 0.25, 0.5, 0.75) if learning_curve else ()
    settings = load_settings()
    opened, *of_folds = (
        open_embedder(settings if folder is None else settings.model_copy(update={"encoder_model": str(folder)}))
        for folder in (encoder, *fold_encoders)
    )
    with progress_bar("训练排序器 / training the ranker") as on_progress:
        train_ranker(
            list(folders),
            out,
            opened,
            seed=seed,
            fold_embedders=of_folds,
            shares=shares,
            resume=resume,
            on_progress=on_progress,
        )
    click.echo(f"{out}")


def _shipped_judged_set() -> Path:
    """The judged set beside the demonstration's records; found by name, as nothing imports that package."""
    found = find_spec("seed_data")
    folder = Path(found.origin).parent / "judged" if found is not None and found.origin else None
    if folder is None or not folder.is_dir():
        raise click.UsageError("the shipped judged set is not installed; name FOLDERS")
    return folder


def _train_from_platform(folders: tuple[Path, ...], activate: bool) -> None:
    from matching.bootstrap import build_platform
    from matching.clock import utc_now
    from matching.services.actor import SYSTEM
    from matching.services.model_revisions import activate_revision, may_activate, train_from_platform
    from matching.settings import load_settings
    from web.commands.model import describe_revision
    from web.nudge import make_nudge

    settings = load_settings()
    platform = build_platform(settings, make_nudge(settings))
    with progress_bar("训练排序器 / training the ranker") as on_progress:
        revision = train_from_platform(platform, SYSTEM, folders, utc_now(), on_progress=on_progress)
    click.echo(describe_revision(revision))
    if activate and may_activate(revision.figures):
        activate_revision(platform, SYSTEM, revision.id, utc_now())
        click.echo(f"已启用 / activated {revision.id}")
    elif activate:
        click.echo("指标变差，未启用 / worse on a judged set: not activated", err=True)

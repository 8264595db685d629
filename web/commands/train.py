"""`duijie train encoder` and `duijie train ranker`."""

from __future__ import annotations

from pathlib import Path

import click

from matching.settings import packaged_encoder
from web.commands.progress import progress_bar

_FOLDERS = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def train() -> None:
    """Train on judged sets: folders with needs.jsonl, capabilities.jsonl or achievements.jsonl, and qrels.tsv."""


@train.command("encoder")
@click.argument("folders", nargs=-1, required=True, type=_FOLDERS)
@click.option("--base", type=_FOLDERS, default=packaged_encoder, help="Model to start from. [default: the shipped one]")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the new model.")
@click.option("--epochs", default=2, show_default=True, type=click.IntRange(1, 50))
@click.option("--seed", default=1, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder.")
def encoder(folders: tuple[Path, ...], base: Path, out: Path, epochs: int, seed: int, resume: bool) -> None:
    """Tune the encoder on FOLDERS and write it, with a report, to a folder."""
    from matching.training.encoder import train_encoder

    with progress_bar("训练编码器 / training the encoder") as on_progress:
        train_encoder(
            list(folders),
            base,
            out,
            seed=seed,
            epochs=epochs,
            resume=resume,
            on_progress=lambda done, total, _what: on_progress(done, total),
        )
    click.echo(f"{out}")


@train.command("ranker")
@click.argument("folders", nargs=-1, required=True, type=_FOLDERS)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File of the new ranker.")
@click.option("--seed", default=1, show_default=True)
def ranker(folders: tuple[Path, ...], out: Path, seed: int) -> None:
    """Train the ranker on FOLDERS and write it, with a report beside it, to a file."""
    from matching.bootstrap import open_embedder
    from matching.settings import load_settings
    from matching.training.ranker import train_ranker

    with progress_bar("训练排序器 / training the ranker") as on_progress:
        train_ranker(list(folders), out, open_embedder(load_settings()), seed=seed, on_progress=on_progress)
    click.echo(f"{out}")

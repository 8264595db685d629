"""`duijie schedule`: the timetable of a 对接会 from a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from matching.errors import InvalidInput


@click.command()
@click.argument("event_file", metavar="EVENT.json", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Output file. [default: standard output]")
@click.option("--time-limit", "seconds", default=60.0, show_default=True, type=click.FloatRange(min=0.1))
def schedule(event_file: Path, out: Path | None, seconds: float) -> None:
    """Timetable the meetings of EVENT.json with the fewest breaks, and prove it where time permits.

    Ctrl-C ends the search early and gives the best timetable so far.
    """
    from matching.exporting.atomic import replacing
    from matching.scheduling.event import parse_event, timetable_to_json
    from matching.scheduling.solve import Progress, propose_timetable

    try:
        data = json.loads(event_file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "schedule.file", "文件无法读取", where=str(event_file), message_en="The file cannot be read"
        ) from error
    except json.JSONDecodeError as error:
        raise InvalidInput(
            "schedule.json",
            f"不是有效的 JSON（第 {error.lineno} 行第 {error.colno} 列）",
            where=str(event_file),
            message_en=f"Not valid JSON (line {error.lineno}, column {error.colno})",
        ) from error
    try:
        event = parse_event(data)
    except InvalidInput as error:
        raise InvalidInput(
            error.code, error.message, where=f"{event_file} {error.where or ''}".strip(), message_en=error.message_en
        ) from error

    stopped = False

    def tell(progress: Progress) -> None:
        if sys.stderr.isatty():
            breaks = "–" if progress.breaks is None else progress.breaks
            line = f"{progress.phase} {progress.seconds:.0f} s  {breaks} 次空档 / breaks, ≥ {progress.bound}"
            click.echo(f"\r\033[K{line}", nl=False, err=True)

    import signal

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    previous = signal.signal(signal.SIGINT, stop)
    try:
        timetable = propose_timetable(event, time_limit_seconds=seconds, on_progress=tell, should_stop=lambda: stopped)
    finally:
        signal.signal(signal.SIGINT, previous)
        if sys.stderr.isatty():
            click.echo("\r\033[K", nl=False, err=True)
    answer = json.dumps(timetable_to_json(timetable), ensure_ascii=False, indent=1)
    if out is None:
        click.echo(answer)
    else:
        with replacing(out) as temporary:
            temporary.write_text(answer + "\n", encoding="utf-8")
        click.echo(str(out))

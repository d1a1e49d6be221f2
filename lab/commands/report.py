"""`lab report`: what became of a run, as a table, a page, a figure, JSON and JUnit XML."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli import CannotCompare
from lab.terminal.params import json_option
from lab.terminal.table import echo, echo_json, render
from services.core.errors import LabError

if TYPE_CHECKING:
    from lab.report.runs import Runs


@click.command()
@click.argument("words", nargs=-1, metavar="[RUN]...")
@click.option("--list", "as_list", is_flag=True, help="Only list the runs of this checkout.")
@click.option("--compare", is_flag=True, help="Show two runs beside each other, check by check.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the JUnit XML to FILE, too.",
)
@json_option
@click.pass_context
def report(
    ctx: click.Context,
    words: tuple[str, ...],
    as_list: bool,
    compare: bool,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Judge the history of RUN again, print the verdict, and draw it.

    RUN is a folder of `lab run`, or the name of an experiment: its latest run. Without RUN it is
    the latest of all. Nothing but the history is needed: no lab, no network.

    \b
    lab report                              the latest run
    lab report power-cut                    the latest run of one experiment
    lab report .lab/runs/power-cut/TIME     this one
    lab report --compare ONE OTHER          two of them, beside each other

    Beside the history it writes report.html (one page, for any browser), figure.svg and figure.png
    (for slides), result.json and junit.xml. Exits with 0 if all is as expected, 1 if it is not, 2
    if that is unknown; of several runs the worst counts: 1, then 2, then 0. With --compare: 0 if
    all checks found the same, 1 if not, 2 if that is unknown.
    """
    try:
        ctx.exit(_report(words, as_list=as_list, compare=compare, junit=junit, as_json=as_json))
    except LabError as error:  # 1 would say that something is not as expected
        raise CannotCompare(error) from error


def _report(
    words: Sequence[str], *, as_list: bool, compare: bool, junit: Path | None, as_json: bool
) -> int:
    from lab.experiment.check.finding import EXIT_CODES, composed
    from lab.report import data, files, table
    from lab.report import runs as found

    if as_list:
        _list(as_json=as_json)
        return 0
    if compare and len(words) != 2:
        raise LabError("--compare takes two runs", hint="lab report --compare ONE OTHER")
    all_runs = [found.load(word) for word in words or ("",)]
    if compare:
        return _compare(words, all_runs, as_json=as_json)
    if junit and len(all_runs) > 1:
        raise LabError("--junit takes the result of one RUN", hint="lab report RUN --junit FILE")
    if as_json:
        results = [data.of_runs(runs) for runs in all_runs]
        echo_json(results if len(results) > 1 else results[0])
    for runs in all_runs:
        pages = files.write(runs)
        if junit:
            _write_junit(runs, junit)
        if not as_json:
            echo("\n".join([table.text(runs), "", *(f"page: {page}" for page in pages)]))
    return EXIT_CODES[composed(runs.verdict for runs in all_runs)]


def _write_junit(runs: "Runs", file: Path) -> None:
    from lab.report import files

    try:
        files.write_junit(runs, file)
    except OSError as error:
        raise LabError(f"the JUnit XML cannot be written: {error}", hint="another FILE") from None


def _list(*, as_json: bool) -> None:
    from lab.experiment.check.finding import VERDICTS, WORDS
    from lab.report import runs as found

    all_runs = [found.load(str(folder)) for folder in found.all_calls()]
    if as_json:
        echo_json(
            [
                {"experiment": r.name, "folder": str(r.folder), "verdict": WORDS[r.verdict]}
                for r in all_runs
            ]
        )
    else:
        rows = [(r.name, str(len(r.runs)), VERDICTS[r.verdict], str(r.folder)) for r in all_runs]
        echo(render(("experiment", "runs", "verdict", "folder"), rows))


def _compare(words: Sequence[str], all_runs: "list[Runs]", *, as_json: bool) -> int:
    from lab.experiment.check.finding import EXIT_CODES, composed
    from lab.report import table

    rows = table.compared(all_runs[0], all_runs[1])
    if as_json:
        echo_json([row._asdict() for row in rows])
    else:
        echo(table.comparison((words[0], words[1]), rows))
    return EXIT_CODES[composed(row.same for row in rows)]

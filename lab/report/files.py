"""The files of a report, beside the history that they are made from."""

import json
from pathlib import Path

from lab.report import data, figure, junit, page
from lab.report.runs import Runs
from services.core.errors import LabError


def write(runs: Runs) -> list[Path]:
    """Write page, figures, JSON and XML into the folder of each run; return the pages' paths.

    The same histories give the same bytes. Raises LabError where a file cannot be written.
    """
    pages = []
    try:
        for run in runs.runs:
            drawing = figure.draw(run.judgement)
            pages.append(run.folder / "report.html")
            pages[-1].write_text(page.page(run.judgement, drawing), encoding="utf-8")
            (run.folder / "figure.svg").write_text(drawing.svg, encoding="utf-8")
            (run.folder / "figure.png").write_bytes(drawing.png)
        result = json.dumps(data.of_runs(runs), indent=2)
        (runs.folder / "result.json").write_text(f"{result}\n", encoding="utf-8")
        write_junit(runs, runs.folder / "junit.xml")
    except OSError as error:
        raise LabError(
            f"the report cannot be written: {error}",
            hint="copy the run's folder to a place that you may write to, and report on that",
        ) from None
    return pages


def write_junit(runs: Runs, file: Path) -> None:
    """Write the JUnit XML of `runs` to `file`."""
    file.write_text(junit.xml(runs), encoding="utf-8")

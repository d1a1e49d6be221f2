"""`lab report`: which run, what it prints and writes, and its exit code."""

import json
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner

from lab.cli import main
from lab.experiment.check.judge import CHECKS
from lab.report import figure
from tests.experiment.histories import healed, lost
from tests.report.conftest import HOSTILE, made

HEALS = {
    **dict.fromkeys(CHECKS, True),
    **dict.fromkeys(["never-gone", "honest", "reachable"], False),
}


@pytest.fixture(autouse=True)
def drawn_once(request, monkeypatch):
    """A figure takes a second; one test draws its own."""
    if request.function is not test_it_writes_the_same_files_each_time:
        drawing = request.getfixturevalue("drawing")
        monkeypatch.setattr(figure, "draw", lambda judgement: drawing)


def report(*words):
    return CliRunner().invoke(main, ["report", *map(str, words)])


def test_it_writes_the_same_files_each_time(kept):
    folder = kept(made())
    done = report()
    assert done.exit_code == 1, done.output
    names = ("report.html", "figure.svg", "figure.png", "result.json", "junit.xml")
    before = {name: (folder / name).read_bytes() for name in names}
    assert report(folder).exit_code == 1
    assert {name: (folder / name).read_bytes() for name in names} == before
    assert str(folder / "report.html") in done.stdout
    assert "a: ran nowhere, for" in done.stdout


def test_what_a_change_costs_is_printed_drawn_and_written(kept):
    folder = kept(made())
    done = report(folder)
    rows = [line.split() for line in done.stdout.split("bytes a change")[1].splitlines()]
    assert ["push", "500", "5.00", "100", "1.00", "0.00"] in rows
    assert ["pull", "1500", "5.00", "300", "1.00", "0.00"] in rows
    assert "<td>1500</td>" in (folder / "report.html").read_text()
    (run,) = json.loads((folder / "result.json").read_text())["runs"]
    assert [mode["price"]["bytes_per_change"] for mode in run["modes"]] == [500.0, 1500.0]


def test_what_a_change_costs_of_several_runs_is_a_median_and_unknown_without_counts(kept):
    without = made()
    without.records = [r for r in without.records if r.kind != "traffic"]
    kept(without, run="1")
    assert "bytes a change" not in report("made").stdout
    kept(made(), run="2")
    assert "500 (500-500)" in report("made").stdout


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text, 0),
        (lambda text: text.replace('"never-gone": false', '"never-gone": true'), 2),
        (lambda text: text[: len(text) // 2], 2),
        (lambda text: "", 2),
    ],
    ids=["whole", "edited", "cut off", "empty"],
)
def test_a_damaged_history_is_unknown_and_the_damage_is_named(kept, change, code):
    folder = kept(healed(checks=HEALS))
    file = folder / "history.jsonl"
    file.write_text(change(file.read_text()))
    done = report(folder)
    assert done.exit_code == code, done.output
    assert ("line" in done.stdout or "no end" in done.stdout) == (code == 2)


def test_a_run_is_a_folder_a_name_or_the_latest(kept):
    kept(healed(checks=HEALS), "heals", "20260101T000000")
    newer = kept(healed(checks=HEALS), "heals", "20260103T000000")
    other = kept(lost(checks={"repaired": True}), "loses", "20260102T000000")
    for words, folder in [((), newer), (("heals",), newer), (("loses",), other)]:
        assert f"page: {folder}/" in report(*words).stdout
    assert f"page: {other}/" in report("loses/20260102T000000").stdout
    assert report("heals", "loses").exit_code == 1
    listed = json.loads(report("--list", "--json").stdout)
    assert [(row["verdict"], row["folder"]) for row in listed][1:] == [
        ("true", str(newer)), ("false", str(other)),
    ]  # fmt: skip


def test_several_runs_lie_beside_each_other(kept):
    for run, late in [("1", 0), ("2", 1), ("10", 4)]:
        history = healed(checks={"repaired": True})
        moved = [r._replace(at_s=r.at_s + late) if r.at_s == 16 else r for r in history.records]
        history.records = sorted(moved, key=lambda record: record.at_s)
        kept(history, run=run)
    done = report("made")
    assert done.exit_code == 0
    assert "3 runs" in done.stdout
    assert "7.00 (6.00-10.0)" in done.stdout
    assert done.stdout.index("/2/report.html") < done.stdout.index("/10/report.html")


def test_one_run_that_fails_among_several_is_the_verdict(kept):
    kept(healed(checks=HEALS), run="1")
    kept(healed(checks={"never-gone": True}), run="2")
    assert report().exit_code == 1


def test_two_runs_beside_each_other(kept):
    one = kept(healed(checks=HEALS), "one")
    other = kept(healed(checks={**HEALS, "no-hands": True}).human(20, "looked"), "other")
    assert report("--compare", one, one).exit_code == 0
    done = report("--compare", "one", "other", "--json")
    assert done.exit_code == 1
    rows = json.loads(done.stdout)
    assert [row["check"] for row in rows if row["same"] is False] == ["no-hands"]
    assert "6.0 s" in report("--compare", one, other).stdout


def test_junit_has_the_evidence_and_unknown_is_not_green(kept, tmp_path):
    history = healed(checks={"repaired": True, "never-gone": True, HOSTILE: True})
    file = tmp_path / "out.xml"
    assert report(kept(history), "--junit", file).exit_code == 1
    root = Xml.fromstring(file.read_text())
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["repaired"].find("failure") is None
    assert "16.000 s: runs" in (cases["repaired"].findtext("system-out") or "")
    assert cases["repaired"].get("time") == "6.000"
    assert cases["never-gone"].find("failure") is not None
    assert len(list(root.iter("error"))) == 1
    suite = next(one for one in root.iter("testsuite") if one.get("name") == "made.1.pull")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")


@pytest.mark.parametrize("words", [["nothing"], [], ["--compare", "one"], ["--compare"]])
def test_what_is_not_there_is_no_verdict(kept, words):
    done = report(*words)
    assert done.exit_code == 2
    assert "Hint: lab report" in done.stderr

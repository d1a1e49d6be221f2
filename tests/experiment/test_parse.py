"""An experiment is read as it is meant, or refused with its line and its key."""

import pytest

from lab.experiment import actions, parse, setting
from lab.experiment.parse import Vocabulary, shipped
from services.core.errors import LabError
from services.core.profiles import profile

OPTIONS = {"cut": {}, "kill": {"name": "", "mode": "both"}, "stop-api": {"mode": "both"}}


def complete(fault, given):
    for name in given:
        if name not in OPTIONS[fault]:
            raise LabError(f"{fault} has no option {name}", hint="it has none")
    return {**OPTIONS[fault], **given}


KNOWN = Vocabulary(
    faults=list(OPTIONS),
    complete=complete,
    aimless=["stop-api"],
    momentary=["kill"],
    machines=["node1", "node2"],
    rules=["busiest"],
    checks=["repaired", "honest"],
    reserved=["rollback"],
)
GOOD = """\
title: The plug is pulled
description: Once.
steady-state-hypothesis:
  title: All run
  probes: [run-once]
method:
- type: action
  name: pull it
  fault: cut
  target: busiest
- type: probe
  name: wait
  until: run-once
  within: 2 healing
- type: action
  name: put it back
  undo: cut
  pauses: {after: 3}
expected:
  push:
    why: It forgets.
    checks: {repaired: false}
  pull:
    why: It does not.
    checks: {repaired: true}
"""


def refused(text):
    with pytest.raises(LabError) as caught:
        parse.parse(text, "mine.yaml", KNOWN)
    assert caught.value.hint
    return str(caught.value)


def test_a_good_one_is_read():
    document = parse.parse(GOOD, "mine.yaml", KNOWN)
    experiment = parse.Experiment("mine", document)
    assert experiment.title == "The plug is pulled"
    assert [step["name"] for step in experiment.method] == ["pull it", "wait", "put it back"]
    assert experiment.modes == ["push", "pull"]
    assert experiment.containers == [f"run-{number}" for number in range(1, 7)]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("fault: cut", "fault: cutt", ("line 9", "key method.0.fault", "'cutt'", "stop-api")),
        ("target: busiest", "target: node9", ("line 10", "'node9'", "busiest")),
        ("  target: busiest\n", "", ("line 7", "key method.0", "'cut' needs a target")),
        (
            "target: busiest",
            "target: node1\n  options: {x: 1}",
            ("method.0.options", "no option x"),
        ),
        ("undo: cut", "undo: stop-api", ("line 17", "method.2.undo", "fault that is on", "cut")),
        ("within: 2 healing", "within: 2 hours", ("line 14", "method.1.within")),
        ("within: 2 healing", "within: -1", ("line 14", "method.1.within")),
        ("until: run-once", "until: it-works", ("line 13", "method.1.until")),
        ("repaired: true", "repaird: true", ("line 25", "'repaird'", "honest")),
        ("repaired: true", "repaired: maybe", ("line 25", "expected.pull.checks.repaired")),
        ("  pull:\n", "  pul:\n", ("line 20", "pul")),
        ("title: The plug is pulled\n", "", ("title",)),
        ("title: The plug is pulled", "title: 2026-01-01", ("mine.yaml",)),
        ("title: The plug is pulled", "title: [", ("mine.yaml, line", "not YAML")),
        ("description: Once.", "description: Once.\ncolour: red", ("colour",)),
        ("pauses: {after: 3}", "pauses: {after: .nan}", ("mine.yaml",)),
        ("undo: cut", "undo: cut\n  declare: [UPPER]", ("line 18", "method.2.declare.0")),
        ("undo: cut", "fault: cut\n  target: node1", ("line 17", "cut is on already")),
        ("fault: cut", "fault: kill", ("method.2.undo", "'cut'")),
        ("fault: cut", "fault: kill\n  fault: cut", ("line 9", "there twice")),
        ("target: busiest", "target: 'busiest,node1'", ("line 10", "'busiest'")),
        ("name: wait", "name: rollback", ("line 12", "a step of every run")),
        ("within: 2 healing", "within: 1.2.3 healing", ("line 14", "method.1.within")),
    ],
)
def test_a_wrong_one_is_refused_with_line_and_key(old, new, named):
    assert GOOD.count(old) == 1
    said = refused(GOOD.replace(old, new))
    assert all(word in said for word in named), said


@pytest.mark.parametrize("text", ["", "7", "[]", "just words", "\0", "a: &a [*a]", "? [x]\n: y"])
def test_what_is_no_experiment_at_all_is_refused(text):
    assert refused(text).startswith("mine.yaml")


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_one_says_what_is_expected_of_both_modes(name):
    experiment = parse.load(parse.find(name), setting.known())
    assert experiment.name == name
    assert experiment.modes == ["push", "pull"]


def test_there_are_at_least_fourteen():
    assert len(shipped()) >= 14


def test_an_unknown_name_lists_those_there_are(tmp_path):
    with pytest.raises(LabError) as caught:
        parse.find("node-failur")
    assert "node-failure" in caught.value.hint
    with pytest.raises(LabError):
        parse.find(str(tmp_path))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "photo.yaml"
    file.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(LabError, match="cannot be read"):
        parse.load(file, KNOWN)


@pytest.mark.parametrize(
    ("duration", "seconds"), [(2.5, 2.5), (3, 3.0), ("lease", 3.0), ("2 lease", 6.0)]
)
def test_a_duration_is_seconds_or_what_a_profile_needs(duration, seconds):
    assert actions.seconds(duration, profile("fast")) == seconds

"""Runs on disk, of push that loses a container and of pull that heals, with the usual looks."""

import pytest

from lab import paths
from lab.experiment.check.judge import CHECKS, judge
from lab.report.figure import draw
from tests.experiment.histories import healed, lost

HOSTILE = "</script><b onclick=x()>&\"'$\\nosuch$ \x1b[31m\u202e"
MODES = ("push", "pull")


def made(**options):
    """Both modes in one history, with something of each kind that is drawn."""
    both = healed(**{"modes": MODES, "checks": dict.fromkeys(CHECKS, True), **options})
    pushed = lost().records
    both.records += [record for record in pushed if record.fields.get("mode") == "push"]
    both.fault(20, "node3", fault="pause").machine(20, "node3", "paused")
    both.machine(24, "node3", "running").human(27, "started a by hand")
    both.runs(28, "node2", "a", mode="push").runs(29, "node3", "stray").runs(33, "node3", "a")
    both.claims(26, {}, mode="push", ok=False)
    for mode, factor in (("push", 1), ("pull", 3)):
        for at_s, phase, count in ((0, "before", 0), (2, "changed", 700), (3, "idle", 800)):
            counts = {"bytes": count * factor, "requests": count // 100, "questions": 0}
            both.put(at_s, "traffic", mode=mode, phase=phase, **counts)
    both.records.sort(key=lambda record: record.at_s)
    return both


@pytest.fixture(scope="session")
def judgement():
    return judge(made(error_s=0.2).end(40))


@pytest.fixture(scope="session")
def drawing(judgement):
    return draw(judgement)


@pytest.fixture(scope="session")
def hostile():
    """A judgement of a history all of whose texts want to be more than text."""
    bad = made(why=HOSTILE)
    bad.records[0].fields["experiment"]["name"] = HOSTILE
    bad.runs(30, "node2", HOSTILE).fault(30, HOSTILE, fault=HOSTILE).human(30, HOSTILE)
    bad.claims(30, {HOSTILE: HOSTILE}, down=[HOSTILE]).wanted(30, HOSTILE)
    return judge(bad.end(40))


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Write the history that was made as the run NAME/TIME of this checkout."""
    monkeypatch.setattr(paths, "RUNS", tmp_path)

    def keep(history, name="made", time="20260101T000000", run=""):
        folder = tmp_path / name / time / run
        folder.mkdir(parents=True)
        history.end(40)
        (folder / "history.jsonl").write_text(history.text())
        return folder

    return keep

"""Which recorded step is played where the live one does not come true."""

import pytest

from lab import paths
from lab.demo import recorded
from lab.demo.cue import Excerpt
from tests.experiment.histories import Made


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)

    def write(time, made, *, tail=None):
        folder = tmp_path / "node-failure" / time / "1"
        folder.mkdir(parents=True)
        (folder / "history.jsonl").write_text(made.text()[:tail])
        return str(folder)

    return write


def made(mode="pull", *, ends=True, name="wait"):
    one = Made(checks={}).put(10, "step", name=name, phase="begin")
    one.put(13, "came", step=name, mode=mode).put(40, "step", name=name, phase="end")
    if ends:
        one.end(50)
    return one


def test_it_is_the_newest_in_which_pull_was_done(runs):
    runs("20260101-000000", made())
    newest = runs("20260102-000000", made())
    runs("20260103-000000", made("push"))
    runs("20260104-000000", made(name="another"))
    runs("20260105-000000", made(ends=False))
    runs("20260106-000000", made(), tail=-9)
    runs("20260107-000000", made(), tail=0)
    assert recorded.find("node-failure", "wait") == Excerpt(newest, 10.0, 18.0)


def test_without_one_there_is_none(runs):
    runs("20260101-000000", made("push"))
    assert recorded.find("node-failure", "wait") is None
    assert recorded.find("resilience", "wait") is None

"""A disk that fills up while the lab is saved, and a thaw that ends half-way."""

import io
import shutil
from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest

from lab.bringup import restore
from lab.snapshot import freeze, secrets
from lab.terminal.progress import Progress
from provisioning.run import ToolFailed
from services.core.errors import LabError

MIB = 1024 * 1024
Usage = namedtuple("Usage", "total used free")
FAILED = ToolFailed(["virsh"], 1, "error: operation failed: snapshot job: unexpectedly failed")


@pytest.fixture
def save(monkeypatch, tmp_path):
    """Fail with an error where 500 MiB were needed, `free` are left, and 2 are written."""
    folder = tmp_path / ".part-one-0"
    folder.mkdir()
    (folder / "api.memory").write_bytes(bytes(2 * MIB))

    def fail(error, free):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free * MIB))
        with freeze._room(folder, 500):
            raise error

    return fail


@pytest.mark.parametrize("error", [FAILED, OSError(28, "No space left on device")])
@pytest.mark.parametrize("free", [0, 16, 497], ids=["full", "nearly", "again some"])
def test_a_disk_that_filled_up_is_told_as_such(save, error, free):
    with pytest.raises(LabError, match=f"{free} MiB free; saving the lab may take 500") as raised:
        save(error, free)
    assert "lab chapter delete" in raised.value.hint
    assert "--delete" in raised.value.hint


def test_what_fails_with_room_enough_is_told_as_it_is(save):
    with pytest.raises(ToolFailed):
        save(FAILED, 498)


class Thawing:
    """Restores a lab whose steps raise what they are given; done: the steps that were begun."""

    def __init__(self, monkeypatch, folder):
        self._patch = monkeypatch.setattr
        self._folder = folder
        self.done: list[str] = []

    def __call__(self, *, room=None, thaw=None):
        saved: Any = SimpleNamespace(box="box", secrets={})
        for name in ("prepare", "check_fits", "check_same_machines", "_box"):
            self._patch(restore, name, lambda *_: None)
        domains = SimpleNamespace(check_room=self._step("room", room))
        self._patch(restore, "Domains", lambda _: domains)
        self._patch(secrets, "put_back", self._step("secrets", None))
        self._patch(restore, "thaw", self._step("thaw", thaw))
        restore.restore(None, self._folder, Progress(io.StringIO()), verify=lambda _: saved)

    def _step(self, name, error):
        def step(*_):
            self.done.append(name)
            if error:
                raise error

        return step


@pytest.fixture
def thawing(monkeypatch, tmp_path):
    return Thawing(monkeypatch, tmp_path / "one")


def test_without_room_nothing_of_the_lab_that_runs_is_replaced(thawing):
    with pytest.raises(LabError, match="no room"):
        thawing(room=LabError("no room"))
    assert thawing.done == ["room"]


def test_a_thaw_that_fails_says_why_and_who_finishes_it(thawing):
    with pytest.raises(LabError, match="'one' did not finish: virsh failed") as raised:
        thawing(thaw=FAILED)
    assert raised.value.hint == "lab up both finishes it"

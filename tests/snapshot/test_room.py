"""A disk that fills up while the lab is saved, and a thaw that ends half-way."""

import io
import shutil
from collections import namedtuple
from types import SimpleNamespace

import pytest

from lab.bringup import restore
from lab.snapshot import freeze, secrets
from lab.snapshot.freeze import NoRoom
from lab.snapshot.thaw import CutShort
from lab.terminal.progress import Progress
from provisioning.run import ToolFailed
from services.core.errors import LabError

MIB = 1024 * 1024
Usage = namedtuple("Usage", "total used free")
FAILED = ToolFailed(["virsh"], 1, "error: operation failed: snapshot job: unexpectedly failed")


@pytest.fixture
def save(monkeypatch, tmp_path):
    """Fail with an error where 500 MiB were needed, `free` are left, and 2 are written."""
    folder = tmp_path / ".part-one-1"
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
    with pytest.raises(NoRoom, match=f"{free} MiB free; saving the lab may take 500") as raised:
        save(error, free)
    assert "lab chapter delete" in raised.value.hint
    assert "--delete" in raised.value.hint


def test_what_fails_with_room_enough_is_told_as_it_is(save):
    with pytest.raises(ToolFailed):
        save(FAILED, 498)


def test_a_thaw_that_fails_says_why_and_who_finishes_it(monkeypatch, tmp_path):
    def fail(*_):
        raise FAILED

    def saved(_):
        return SimpleNamespace(box="box", secrets={})

    for name in ("prepare", "check_fits", "check_same_machines"):
        monkeypatch.setattr(restore, name, lambda *_: None)
    monkeypatch.setattr(secrets, "put_back", lambda _: False)
    monkeypatch.setattr(restore, "_box", lambda *_: None)
    monkeypatch.setattr(restore, "thaw", fail)
    with pytest.raises(CutShort, match="'one' did not finish: virsh failed") as raised:
        restore.restore(None, tmp_path / "one", Progress(io.StringIO()), verify=saved)
    assert raised.value.hint == "lab up both finishes it"
    assert isinstance(raised.value, LabError)

"""The files that QEMU reads."""

import pytest

from lab import paths
from lab.host import shared


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "SHARED", tmp_path / "shared")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    for name in ("box-0123", "untuned-4567", "wheels", "work-89"):
        (tmp_path / "cache" / name).mkdir(parents=True)
    (tmp_path / "source").write_text("content")
    return tmp_path / "shared/boot"


def test_a_file_is_made_once(folder, tmp_path):
    for text in ("content", "another"):
        (tmp_path / "source").write_text(text)
        assert shared.share(tmp_path / "source", "0123-initrd").read_text() == "content"


def test_what_no_box_in_the_cache_needs_is_deleted(folder, tmp_path):
    names = ["0123-vmlinux", "untuned-4567-initrd", "qemu-bounded-1", "89ab-vmlinux"]
    for name in [*names, "untuned-cdef-initrd", ".0123-vmlinux.99"]:
        shared.share(tmp_path / "source", name)
    shared.prune()
    assert {file.name for file in folder.iterdir()} == {*names[:3]}


def test_where_nothing_was_ever_made_nothing_is_deleted(folder):
    shared.prune()
    assert not folder.exists()

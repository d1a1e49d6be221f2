"""The finished box: its parts, its size, and what is shown of it."""

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from lab.cli import run
from provisioning.box import base, build, cache, manifest, pack, rootfs, tools
from provisioning.box.tools import Tools
from services.core.errors import LabError
from tests.provisioning import guest

ROOTFS = {"size": "1", "sha256": "aa" * 32}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    """A packed box whose disk, kernel and initrd are a few bytes."""
    return packed(guest.make(tmp_path / "root"), tmp_path / "out")


def packed(root, out):
    out.mkdir(parents=True)
    for name in ("box.img", "vmlinuz", "initrd"):
        (out / name).write_text(name)
    about = manifest.of(root, ())
    manifest.write(about._replace(parts=pack.archive(out, ROOTFS, Tools(Path("/")))), out)
    return out


def test_the_manifest_has_the_hash_of_every_part(folder):
    hashes = build.Box("", folder).hashes()
    assert list(hashes) == ["rootfs.ext4", "vmlinuz", "initrd", "box.img", pack.FILE]
    assert hashes["rootfs.ext4"] == "aa" * 32
    assert hashes["box.img"] == hashlib.sha256(b"box.img").hexdigest()
    assert hashes[pack.FILE] == hashlib.sha256((folder / pack.FILE).read_bytes()).hexdigest()
    assert not (folder / "box.img").exists(), "twice the room; it is in the box"


def test_a_box_has_no_times_and_no_owners_of_the_builder(folder):
    with tarfile.open(folder / pack.FILE) as box:
        assert {(one.mtime, one.uid, one.gid, one.mode) for one in box} == {
            (1_767_225_600, 0, 0, 0o644)
        }


def test_equal_parts_make_equal_boxes(folder, tmp_path):
    again = packed(tmp_path / "root", tmp_path / "elsewhere/out")
    assert manifest.read(again) == manifest.read(folder)


def test_a_box_beyond_the_limit_is_refused_and_its_largest_parts_are_named(tmp_path):
    file = tmp_path / "a.box"
    parts = [("linux 6.12", 90_000_000), ("nginx 1.26", 5_000_000), *[("small", 1)] * 20]
    with file.open("wb") as box:
        box.truncate(200_000_000)
        pack.check_size(file, parts)
        box.truncate(200_000_001)
    with pytest.raises(LabError) as caught:
        pack.check_size(file, parts)
    assert str(caught.value).startswith(
        "the box is 200.0 MB; the limit is 200 MB. Its largest parts, before compression: "
        "linux 6.12 90.0 MB, nginx 1.26 5.0 MB, small 0.0 MB"
    )
    assert "packages.txt" in caught.value.hint


def test_a_build_that_is_too_large_leaves_no_box(tmp_path, monkeypatch):
    def images(root, out, tools):
        (out / "box.img").write_bytes(bytes(2_000_000))
        for name in ("vmlinuz", "initrd"):
            (out / name).write_text(name)
        return ROOTFS

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(base, "tar", lambda *_: tmp_path)
    monkeypatch.setattr(cache, "site", lambda _: tmp_path)
    monkeypatch.setattr(tools, "ready", lambda *_: Tools(Path("/")))
    monkeypatch.setattr(rootfs, "make", lambda _b, _s, root, _say: guest.make(root))
    monkeypatch.setattr(pack, "images", images)
    monkeypatch.setattr(pack, "LIMIT_MB", 1)
    with pytest.raises(LabError, match="limit is 1 MB"):
        build.build(lambda _: None)
    assert not build.exists(build.wanted())
    assert list((tmp_path / "cache").iterdir()) == []
    monkeypatch.setattr(pack, "LIMIT_MB", 3)
    assert build.exists(build.build(lambda _: None))


def test_show_prints_parts_packages_and_the_largest_folders(folder, capsys):
    assert run(["box", "show", str(folder), "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(folder)
    assert [line.split()[0] for line in lines[2:7]] == list(manifest.read(folder).parts)
    assert lines[7:] == ["0 Debian packages, 1 libraries", "largest  MB", "/        3.0"]
    assert run(["box", "show", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == manifest.read(folder)._asdict()

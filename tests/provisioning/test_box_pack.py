"""The finished box: its bill of materials, its manifest, its size, and what is told of it."""

import hashlib
import json
import tarfile

import pytest

from lab.cli import run
from provisioning.box import build, pack, sbom
from provisioning.box.lockfile import Deb, Lock
from tests.provisioning import debian

LOCK = Lock((), "", (Deb("libc6", "2.41-12", "amd64", 7, "ef" * 32, ""),))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    """A packed box whose disk, kernel and initrd are a few bytes."""
    root = debian.make(tmp_path / "root")
    return packed(root, tmp_path / "out")


def packed(root, out):
    out.mkdir(parents=True)
    for name in ("box.img", "vmlinuz", "initrd"):
        (out / name).write_text(name)
    pack.bill(root, out, LOCK)
    pack.archive(out, "aa" * 32)
    return out


def test_the_manifest_has_the_hash_of_every_part(folder):
    manifest = pack.manifest(folder)
    assert list(manifest) == ["rootfs.ext4", "vmlinuz", "initrd", "box.img", sbom.FILE, pack.FILE]
    assert manifest["rootfs.ext4"] == "aa" * 32
    assert manifest["box.img"] == hashlib.sha256(b"box.img").hexdigest()
    assert manifest[pack.FILE] == hashlib.sha256((folder / pack.FILE).read_bytes()).hexdigest()
    assert not (folder / "box.img").exists(), "twice the room; it is in the box"


def test_a_box_carries_its_bill_with_the_hashes_of_the_lock(folder):
    with tarfile.open(folder / pack.FILE) as box:
        inside = box.extractfile(sbom.FILE).read()
        assert {(one.mtime, one.uid, one.gid, one.mode) for one in box} == {
            (1_767_225_600, 0, 0, 0o644)
        }
    assert inside == (folder / sbom.FILE).read_bytes()
    document = json.loads(inside)
    assert document["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"
    (libc,) = [one for one in document["components"] if one["name"] == "libc6"]
    assert libc["hashes"] == [{"alg": "SHA-256", "content": "ef" * 32}]


def test_equal_parts_make_equal_boxes(folder, tmp_path):
    again = packed(tmp_path / "root", tmp_path / "elsewhere/out")
    assert pack.manifest(again) == pack.manifest(folder)


def test_a_box_beyond_the_limit_is_refused_and_its_largest_parts_are_named(tmp_path):
    file = tmp_path / "a.box"
    parts = [("linux 6.12", 90_000_000), ("nginx 1.26", 5_000_000), *[("small", 1)] * 20]
    with file.open("wb") as box:
        box.truncate(200_000_000)
        pack.check_size(file, parts)
        box.truncate(200_000_001)
    with pytest.raises(pack.TooLarge) as caught:
        pack.check_size(file, parts)
    assert str(caught.value).startswith(
        "the box is 200.0 MB; the limit is 200 MB. Its largest parts, before compression: "
        "linux 6.12 90.0 MB, nginx 1.26 5.0 MB, small 0.0 MB"
    )
    assert "packages.txt" in caught.value.hint


def test_a_build_that_is_too_large_leaves_no_box(tmp_path, monkeypatch):
    def images(root, out):
        (out / "box.img").write_bytes(bytes(2_000_000))
        for name in ("vmlinuz", "initrd"):
            (out / name).write_text(name)
        return "aa" * 32

    monkeypatch.setattr(build.os, "geteuid", lambda: 0)
    monkeypatch.setattr(build.base, "tar", lambda *_: tmp_path)
    monkeypatch.setattr(build.cache, "site", lambda _: tmp_path)
    monkeypatch.setattr(build.rootfs, "make", lambda _b, _s, root, _say: debian.make(root))
    monkeypatch.setattr(pack, "images", images)
    monkeypatch.setattr(pack, "LIMIT_MB", 1)
    with pytest.raises(pack.TooLarge, match="limit is 1 MB"):
        build.build(lambda _: None)
    assert not build.exists(build.wanted())
    assert list((tmp_path / "cache").iterdir()) == []
    monkeypatch.setattr(pack, "LIMIT_MB", 3)
    assert build.exists(build.build(lambda _: None))


def test_show_tells_size_hashes_and_packages(folder, capsys):
    assert run(["box", "show", str(folder), "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{folder / pack.FILE}: 0.0 MB"
    assert [line.split()[0] for line in lines[2:8]] == list(pack.manifest(folder))
    assert lines[8] == "4 Debian packages, 3 libraries"
    assert lines[10].split()[0] == "pushpull-lab"
    assert lines[11] == f"bill of materials: {folder / sbom.FILE}"
    assert run(["box", "show", str(folder), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["hashes"] == pack.manifest(folder)
    assert about["size_b"] == (folder / pack.FILE).stat().st_size


def test_show_of_a_file_alone_tells_the_hashes_of_its_members(folder, tmp_path, capsys):
    alone = tmp_path / "alone.box"
    (folder / pack.FILE).rename(alone)
    assert run(["box", "show", str(alone)]) == 0
    said = capsys.readouterr().out
    assert hashlib.sha256(b"vmlinuz").hexdigest() in said
    assert "bill of materials: inside" in said


def test_sbom_prints_the_bill_as_it_is(folder, capsysbinary):
    assert run(["box", "sbom", str(folder / pack.FILE)]) == 0
    assert capsysbinary.readouterr().out == (folder / sbom.FILE).read_bytes()


def test_a_box_without_a_bill_and_a_box_that_is_not_built_are_errors_with_a_hint(
    folder, tmp_path, capsys
):
    with tarfile.open(tmp_path / "old.box", "w") as box:
        box.add(folder / "vmlinuz", "vmlinuz")
    assert run(["box", "sbom", str(tmp_path / "old.box")]) == 1
    assert "has no bill of materials" in capsys.readouterr().err
    assert run(["box", "show"]) == 1
    said = capsys.readouterr().err
    assert "is not built" in said
    assert "Hint: lab box build" in said

"""What differs between two boxes: read from real ext4 images, told by part, package and file."""

import hashlib
import io
import os
import shutil
import stat
import subprocess
import tarfile

import pytest

from lab.cli import run
from provisioning.box import ext4, pack
from provisioning.box.look import contents, differences
from provisioning.box.look.image import ImageEntry, entries, read
from tests.provisioning import debian

EPOCH_S = 1_700_000_000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tree(folder):
    """A guest with a large file, a file with holes, links, a long link and a full folder."""
    debian.make(folder)
    (folder / "etc").mkdir()
    (folder / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (folder / "etc/empty").write_text("")
    (folder / "bin").symlink_to("usr/bin")
    (folder / "long").symlink_to("x" * 200)
    (folder / "large").write_bytes(bytes(range(256)) * 4096 * 3)
    with (folder / "holes").open("wb") as file:
        for block in range(0, 60, 2):  # more extents than fit into an inode
            file.seek(block * 4096)
            file.write(b"data")
        file.truncate(60 * 4096 + 17)
    (folder / "full").mkdir()
    for number in range(300):
        (folder / f"full/a-name-of-some-length-{number}").touch()
    (folder / "etc/hosts").chmod(0o640)
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (EPOCH_S, EPOCH_S), follow_symlinks=False)
    return folder


def image(folder, file):
    ext4.make(folder, file, size_mib=64, epoch_s=EPOCH_S)
    return file


def packed(folder, file, **parts):
    """A box of the tree `folder`, with small parts beside the disk."""
    raw = image(folder, file.with_suffix(".raw"))
    disk = file.with_suffix(".qcow2")
    subprocess.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", raw, disk], check=True)
    members = {"box.img": disk.read_bytes(), "vmlinuz": b"kernel", "initrd": b"initrd"}
    members |= parts
    with tarfile.open(file, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file


def test_every_name_of_an_image_is_read_as_it_was_put_there(tmp_path):
    root = tree(tmp_path / "root")
    raw = image(root, tmp_path / "raw")
    found = entries(raw)
    assert read(raw, "etc/hosts") == "127.0.0.1 localhost\n"
    assert read(raw, "etc/none") == read(raw, "etc/hosts/none") == ""
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*")}
    assert found.keys() == paths.keys() | {".", "lost+found"}
    for name, path in paths.items():
        there = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        size = 0 if stat.S_ISDIR(there.st_mode) else there.st_size
        assert found[name][:6] == (
            there.st_mode, there.st_uid, there.st_gid, size, EPOCH_S, content
        ), name  # fmt: skip


def entry(**fields):
    plain = ImageEntry(stat.S_IFREG | 0o644, 0, 0, 10, EPOCH_S, "aa", ())
    return plain._replace(**fields)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"mode": stat.S_IFREG | 0o4755}, ["mode 0644 -> 4755"]),
        ({"mode": stat.S_IFLNK | 0o644}, ["file -> link"]),
        ({"uid": 5, "gid": 6}, ["owner 0:0 -> 5:6"]),
        ({"size_b": 11, "content": "bb"}, ["size 10 -> 11", "content"]),
        ({"content": "bb"}, ["content"]),
        ({"mtime_s": 0}, ["time 2023-11-14T22:13:20Z -> 1970-01-01T00:00:00Z"]),
        ({"attributes": (("security.capability", b"x"),)}, ["attributes security.capability"]),
    ],
    ids=lambda given: " ".join(given),
)
def test_a_change_is_told_by_what_changed(fields, told):
    assert list(differences.changed(entry(), entry(**fields))) == told


def test_boxes_of_equal_trees_do_not_differ(tmp_path, capsys):
    root = tree(tmp_path / "root")
    one, two = (packed(root, tmp_path / f"{name}.box") for name in "ab")
    assert run(["box", "diff", str(one), str(two)]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_differences_are_told_packages_first_and_end_with_1(tmp_path, capsys):
    root = tree(tmp_path / "root")
    one = packed(root, tmp_path / "a.box")
    status = root / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace("2.41-12", "2.41-13"))
    (root / "etc/hosts").chmod(0o644)
    (root / "etc/empty").unlink()
    (root / "etc/new").write_text("new")
    site = root / "opt/lab/site"
    (site / "bottle-0.13.4.dist-info").rename(site / "bottle-0.13.5.dist-info")
    for path in [*root.rglob("*"), root]:
        os.utime(path, (EPOCH_S, EPOCH_S), follow_symlinks=False)
    two = packed(root, tmp_path / "b.box", initrd=b"another", extra=b"")
    assert run(["box", "diff", str(one), str(two)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "added   extra",
        f"changed initrd: sha256 {sha(b'initrd')[:16]}… -> {sha(b'another')[:16]}…",
        "changed package libc6 2.41-12 -> 2.41-13",
        "changed package python:bottle 0.13.4 -> 0.13.5",
        "removed /etc/empty",
        "changed /etc/hosts: mode 0640 -> 0644",
        "added   /etc/new",
        "removed /opt/lab/site/bottle-0.13.4.dist-info",
        "removed /opt/lab/site/bottle-0.13.4.dist-info/METADATA",
        "added   /opt/lab/site/bottle-0.13.5.dist-info",
        "added   /opt/lab/site/bottle-0.13.5.dist-info/METADATA",
        "changed /var/lib/dpkg/status: content",
    ]


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_an_image_that_is_only_compressed_otherwise_is_called_so(tmp_path):
    root = tree(tmp_path / "root")
    one = packed(root, tmp_path / "a.box")
    plain = tmp_path / "plain.qcow2"
    raw = tmp_path / "a.raw"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, plain], check=True)
    two = packed(root, tmp_path / "b.box", **{"box.img": plain.read_bytes()})
    assert list(differences.between(one, two)) == [differences.SAME_FILES]


def test_a_box_is_found_by_file_folder_and_begin_of_its_key(tmp_path, cache):
    for key in ("abc1", "abd2"):
        (cache / f"box-{key}").mkdir(parents=True)
        (cache / f"box-{key}" / pack.FILE).touch()
    (cache / "box-unfinished").mkdir()
    first = cache / "box-abc1" / pack.FILE
    assert contents.find(str(first)) == contents.find(str(first.parent)) == first
    assert contents.find("abc") == first
    with pytest.raises(contents.NoBox, match="begin of several keys") as caught:
        contents.find("ab")
    assert caught.value.hint.endswith("abc1, abd2")
    with pytest.raises(contents.NoBox, match=f"has no {pack.FILE}"):
        contents.find(str(cache / "box-unfinished"))


@pytest.mark.parametrize("word", ["no/such.box", "unfinished"])
def test_what_is_no_box_ends_with_2_and_a_hint(word, capsys):
    assert run(["box", "diff", word, word]) == 2
    said = capsys.readouterr().err
    assert f"Error: {word!r} is no box" in said
    assert "lab box build" in said


def test_a_file_that_is_no_archive_ends_with_2(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).write_text("a text")
    assert run(["box", "diff", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert "is no box" in capsys.readouterr().err


def test_a_box_cut_off_in_its_disk_ends_with_2(tmp_path, capsys):
    root = tree(tmp_path / "root")
    one = packed(root, tmp_path / "a.box")
    two = tmp_path / "b.box"
    shutil.copy(one, two)
    os.truncate(two, two.stat().st_size // 2)
    assert run(["box", "diff", str(one), str(two)]) == 2
    assert "is no box" in capsys.readouterr().err

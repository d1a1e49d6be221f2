"""What e2fsprogs tells of an ext4 image is understood, odd names and all; what it does not is an
error."""

import os
import stat
from pathlib import Path

import pytest

from provisioning.box import ext4
from provisioning.box.look import debugfs
from provisioning.box.look.image import Unreadable, entries
from provisioning.run import ToolFailed, run

EPOCH_S = 1_700_000_000
ODD = [
    "with space ", " before", 'with "quotes"', "back\\slash", "two\nlines", "<12>", "-p", "?x=y",
    "ümlaut", "a\n\ndebugfs: ls -p <2>\n", "esc\033", "cr\rlf\r\n",
]  # fmt: skip


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def image(root, *commands):
    """An image of the tree, with what only root could have put there put in by debugfs."""
    file = root.parent / "raw"
    ext4.make(root, file, size_mib=64, epoch_s=EPOCH_S)
    script = root.parent / "script"
    script.write_text("".join(f"{command}\n" for command in commands))
    run(["debugfs", "-w", "-f", str(script), str(file)])
    return file


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_an_odd_name_is_read_as_it_is(root, name):
    (root / name).mkdir()
    (root / name / name).write_text("within")
    (root / "link").symlink_to(name)
    found = entries(image(root))
    assert found.keys() == {".", "lost+found", "link", name, f"{name}/{name}"}
    assert found["link"].content == name
    assert found[f"{name}/{name}"].size_b == 6


def test_names_that_differ_in_bytes_that_are_no_text_stay_two(root):
    for name in (b"a\xff", b"a\xfe"):
        Path(os.fsdecode(bytes(root) + b"/" + name)).write_text("")
    assert {r"a\xff", r"a\xfe"} <= entries(image(root)).keys()


@pytest.mark.parametrize("length", [1, 59, 60, 200])
def test_a_link_is_read_whether_it_is_in_the_inode_or_in_a_block(root, length):
    (root / "link").symlink_to("x" * length)
    assert entries(image(root))["link"].content == "x" * length


def test_a_name_for_the_same_file_has_the_same_content(root):
    (root / "one").write_text("text")
    (root / "two").hardlink_to(root / "one")
    found = entries(image(root))
    assert found["one"] == found["two"]


def test_devices_are_told_apart_by_their_numbers(root):
    made = image(root, "mknod old c 5 1", "mknod new b 259 6000", "mknod pipe p")
    found = entries(made)
    assert [found[name].content for name in ("old", "new", "pipe")] == ["5:1", "259:6000", ""]
    kinds = [stat.S_IFMT(found[name].mode) for name in ("old", "new", "pipe")]
    assert kinds == [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO]


def test_owners_and_modes_are_read_in_full(root):
    (root / "file").write_text("")
    made = image(root, "sif file uid 100000", "sif file gid 200000", "sif file mode 0106755")
    assert entries(made)["file"][:3] == (stat.S_IFREG | 0o6755, 100_000, 200_000)


@pytest.mark.parametrize(
    "value", [b"\1\0\0\2\0\x20" + bytes(14), bytes(range(256)) * 2, b"text", b"61 62", b""],
    ids=["a capability beside the inode", "long, in a block", "text", "like hex", "empty"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["security.capability", "user.a b"])
def test_attributes_are_read_byte_for_byte(root, name, value):
    (root / "file").write_text("")
    (root.parent / "value").write_bytes(value)
    put = f"ea_set -f {root.parent / 'value'} file {debugfs.quoted(name)}"
    assert entries(image(root, put))["file"].attributes == ((name, value),)


def test_an_attribute_whose_name_debugfs_prints_in_other_words_is_refused(root):
    (root / "file").write_text("")
    name = debugfs.quoted('user."')
    made = image(root, f"ea_set file {name} value")
    with pytest.raises(Unreadable, match="does not tell the attribute user"):
        entries(made)


def test_an_acl_is_read_as_it_is_stored(root):
    acl = b"\1\0\0\0" + b"\1\0\7\0" + b"\4\0\5\0" + b"\x20\0\5\0"
    (root.parent / "value").write_bytes(acl)
    put = f"ea_set -r -f {root.parent / 'value'} / system.posix_acl_access"
    assert entries(image(root, put))["."].attributes == (("system.posix_acl_access", acl),)


@pytest.mark.parametrize("content", [b"short", bytes(100_000)], ids=["short", "zeros"])
def test_what_is_no_file_system_is_refused(tmp_path, content):
    file = tmp_path / "raw"
    file.write_bytes(content)
    with pytest.raises(ToolFailed, match="e2fsck failed") as caught:
        entries(file)
    assert "the disk of a box" in caught.value.hint


def test_a_damaged_file_system_is_refused(root):
    (root / "file").write_text("")
    made = image(root, "sif <12> mode 0")
    with pytest.raises(ToolFailed, match="e2fsck failed with exit code 4"):
        entries(made)


def test_half_a_value_of_an_attribute_is_none():
    text = "debugfs: ea_get -r -x <12> user.a\nuser.a (2) = 61 {}\n\n"
    assert debugfs.values(text.format("62 ") + text.format("")) == [b"ab", None]


def test_nothing_stays_beside_the_image(root):
    made = image(root)
    before = set(root.parent.iterdir())
    entries(made)
    assert set(root.parent.iterdir()) == before


LESS = {f"no answer to {command}": f"sed '/^debugfs: {command} /,/^debugfs: [^{command[0]}]/d'"
        for command in ("ls", "stat", "cat", "ea_get")}  # fmt: skip
LESS["a file's end is missing"] = "if grep -q ^cat commands; then head -c -2; else cat; fi"
LESS["no device numbers"] = "sed '/minor number:/d'"


@pytest.mark.parametrize("less", LESS.values(), ids=LESS)
def test_what_debugfs_does_not_tell_is_an_error(root, tmp_path, monkeypatch, less):
    """A debugfs that leaves something out, as one of another version might."""
    (root / "file").write_text("text")
    made = image(root, "ea_set file user.name value", "mknod device c 5 1")
    real = run(["which", "debugfs"]).strip()
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin/debugfs"
    tool.write_text(f'#!/bin/sh\n{real} "$@" | {less}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    with pytest.raises(Unreadable, match="debugfs does not tell"):
        entries(made)

"""The manifest of a box: what it says, and what differs between two."""

import hashlib
import os

import pytest

from lab.cli import run
from provisioning.box import build, manifest, pack
from provisioning.box.lockfile import Deb
from provisioning.box.look import compare
from services.core.errors import LabError
from tests.provisioning import guest

DEBS = (Deb("libc6", "2.41-12", "ef" * 32),)
FILE = {"mode": "100644", "owner": "0:0", "time": "T", "size": "1", "sha256": "a" * 64}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path):
    return guest.make(tmp_path / "root")


def written(folder, about):
    folder.mkdir(parents=True)
    manifest.write(about, folder)
    return folder


def with_files(**files):
    return manifest.Manifest("", {}, {}, {}, files)


def test_a_manifest_has_the_packages_wheels_code_and_files_of_a_guest(root):
    owner = f"{os.getuid()}:{os.getgid()}"
    about = manifest.of(root, DEBS)
    assert about.code == "ab" * 32
    assert about.packages == {"libc6": {"version": "2.41-12", "sha256": "ef" * 32}}
    assert about.wheels == {"bottle": {"version": "0.13.4", "sha256": guest.SHA256}}
    assert about.files.keys() == {path.relative_to(root).as_posix() for path in root.rglob("*")}
    assert about.files["etc/hosts"] == {
        "mode": "100640",
        "owner": owner,
        "time": "2023-11-14T22:13:20Z",
        "size": "20",
        "sha256": hashlib.sha256(b"127.0.0.1 localhost\n").hexdigest(),
    }
    assert about.files["bin"]["link"] == "usr/bin"
    assert about.files["etc"]["mode"] == "040755"


def test_a_device_and_an_attribute_are_facts(root):
    if os.geteuid() != 0:
        pytest.skip("only root may make a device")
    os.mknod(root / "null", 0o020666, os.makedev(1, 3))
    os.setxattr(root / "large", "user.mark", b"\1x")
    files = manifest.of(root, DEBS).files
    assert files["null"]["device"] == "1:3"
    assert files["large"]["user.mark"] == "0178"


def test_what_is_written_is_what_is_read(root, tmp_path):
    about = manifest.of(root, DEBS)
    assert manifest.read(written(tmp_path / "box", about)) == about


@pytest.mark.parametrize("text", [None, "{", "[]", '{"vmlinuz": "00"}'])
def test_what_is_no_manifest_is_refused_with_a_hint(tmp_path, text):
    if text is not None:
        (tmp_path / manifest.FILE).write_text(text)
    with pytest.raises(LabError, match=r"no readable manifest\.json") as caught:
        manifest.read(tmp_path)
    assert "lab box build" in caught.value.hint


def test_every_file_counts_once_in_the_folder_three_deep():
    about = with_files(
        **{"usr/lib/modules/6.12/a.ko": {"size": "5"}, "usr/lib/modules/b": {"size": "2"},
           "usr/lib/libc.so": {"size": "4"}, "usr/lib/modules": {"mode": "040755"},
           "init": {"size": "1"}}
    )  # fmt: skip
    assert manifest.largest(about) == [("/usr/lib/modules", 7), ("/usr/lib", 4), ("/", 1)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"mode": "104755"}, "mode 100644 -> 104755"),
        ({"owner": "5:6"}, "owner 0:0 -> 5:6"),
        ({"size": "2", "sha256": "b" * 64}, f"size 1 -> 2, sha256 {'a' * 16}… -> {'b' * 16}…"),
        ({"security.capability": "01"}, "security.capability none -> 01"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, dict) else "",
)
def test_a_change_names_the_facts_that_changed(fields, told):
    one, two = with_files(hosts=FILE), with_files(hosts=FILE | fields)
    assert list(compare.differences(one, two)) == [f"changed /hosts: {told}"]


def test_differences_are_printed_packages_before_files_and_end_with_1(root, tmp_path, capsys):
    one = manifest.of(root, DEBS)._replace(parts={"initrd": {"sha256": "1"}})
    (root / "etc/hosts").unlink()
    (root / "etc/new").write_text("new")
    guest.at_one_time(root)
    two = manifest.of(root, (DEBS[0]._replace(version="2.41-13"),))
    two = two._replace(parts={"initrd": {"sha256": "2"}}, wheels={}, code="other")
    folders = [written(tmp_path / name, about) for name, about in (("a", one), ("b", two))]
    assert run(["box", "diff", *map(str, folders)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"changed code: digest {'ab' * 8}… -> other",
        "changed part initrd: sha256 1 -> 2",
        "changed package libc6: version 2.41-12 -> 2.41-13",
        "removed wheel bottle",
        "removed /etc/hosts",
        "added   /etc/new",
    ]


def test_boxes_with_equal_manifests_do_not_differ(root, tmp_path, capsys):
    about = manifest.of(root, DEBS)
    folders = [written(tmp_path / name, about) for name in "ab"]
    assert run(["box", "diff", *map(str, folders)]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_another_layout_of_the_same_files_is_called_so():
    one = with_files(hosts=FILE)._replace(parts={pack.ROOTFS: {"sha256": "1"}})
    two = one._replace(parts={pack.ROOTFS: {"sha256": "2"}})
    assert list(compare.differences(one, two))[-1] == compare.SAME_FILES


def test_a_box_is_found_by_folder_file_and_the_start_of_its_key(cache):
    for key in ("abc1", "abd2"):
        written(cache / f"box-{key}", with_files())
        (cache / f"box-{key}" / pack.FILE).touch()
    (cache / "box-unfinished").mkdir()
    first = cache / "box-abc1"
    assert compare.find(str(first)) == compare.find(str(first / pack.FILE)) == first
    assert compare.find("abc") == first
    with pytest.raises(LabError, match="start of several keys") as caught:
        compare.find("ab")
    assert caught.value.hint.endswith("abc1, abd2")
    with pytest.raises(LabError, match=r"has no manifest\.json"):
        compare.find(str(cache / "box-unfinished"))


@pytest.mark.parametrize("word", ["no/such.box", "unfinished"])
def test_what_is_no_box_ends_with_2_and_a_hint(word, capsys):
    assert run(["box", "diff", word, word]) == 2
    said = capsys.readouterr().err
    assert f"Error: {word!r} is no box" in said
    assert "lab box build" in said


def test_the_box_of_this_checkout_is_shown_once_it_is_built(capsys):
    assert run(["box", "show"]) == 1
    assert "not built" in capsys.readouterr().err
    written(build.wanted().folder, with_files())
    assert run(["box", "show"]) == 0
    assert "0 Debian packages" in capsys.readouterr().out

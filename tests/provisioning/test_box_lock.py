"""The lock: what it says, what changed in it, and that what is no lock is refused."""

import re

import pytest

from provisioning.box import lockfile, packages
from provisioning.box.archive import apt, locking
from provisioning.box.lockfile import BadLock, Changes, Deb, Lock
from provisioning.run import ToolFailed
from tests.provisioning.archive import Archive


def deb(name, version="1", sha256="ab" * 32):
    return Deb(name, version, sha256)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """base is essential and needs libbase; web is asked for; other is nobody's business."""
    archive = Archive(tmp_path / "archive")
    archive.add("base", "1:1.0", arch="amd64", Essential="yes", Depends="libbase")
    archive.add("libbase", "1.0")
    archive.add("web", "2.0", Depends="libbase", Recommends="other")
    archive.add("other", "1.0")
    monkeypatch.setattr(packages, "wanted", lambda _: ["?essential", "web"])
    return archive


@pytest.fixture
def renew(archive, tmp_path):
    file = tmp_path / "packages.lock"
    return lambda: list(locking.told(locking.renew(file, lambda _: None, archive.sources)))


def test_what_is_written_is_what_is_read(tmp_path):
    lock = Lock("0123", (deb("a", "1:2-3~x"), deb("b")))
    lockfile.write(lock, tmp_path / "lock")
    assert lockfile.read(tmp_path / "lock") == lock
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_write_that_was_killed_is_no_hindrance_to_the_next(tmp_path):
    (tmp_path / ".lock.part").write_text("half")
    lockfile.write(Lock("", ()), tmp_path / "lock")
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_order_does_not_matter_to_the_file():
    one, two = deb("a"), deb("b")
    assert lockfile.dump(Lock("", (two, one))) == lockfile.dump(Lock("", (one, two)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("==1", "==1 2", 1),
        lambda text: text.replace("ab" * 32, "ab" * 31, 1),
        lambda text: text + "\nhalf a line",
        lambda text: text.replace("# asked", "# was"),
        lambda text: text + "".join(text.splitlines(keepends=True)[-2:]),
        lambda text: "".join(text.splitlines(keepends=True)[i] for i in (0, 1, 4, 5, 2, 3)),
    ],
    ids=["version", "hash", "cut off", "no head", "twice", "not sorted"],
)
def test_a_damaged_lock_is_refused_with_the_remedy(tmp_path, spoil):
    file = tmp_path / "packages.lock"
    file.write_text(spoil(lockfile.dump(Lock("0", (deb("a"), deb("b"))))))
    with pytest.raises(BadLock, match="damaged") as caught:
        lockfile.read(file)
    assert "lab box lock" in caught.value.hint


def test_a_lock_of_another_list_of_packages_is_not_used(tmp_path):
    file = tmp_path / "packages.lock"
    file.with_suffix(".txt").write_text("web\n")
    lockfile.write(Lock(packages.digest(["else"]), ()), file)
    with pytest.raises(BadLock, match=r"packages\.txt or the suite has changed"):
        lockfile.current(file)
    lockfile.write(Lock(packages.digest(["web"]), ()), file)
    lockfile.current(file)
    with pytest.raises(BadLock, match="there is none"):
        lockfile.current(tmp_path / "absent.lock")


@pytest.mark.parametrize("file", [lockfile.GUEST, lockfile.TOOLS], ids=lambda file: file.name)
def test_this_checkouts_lock_is_one_of_its_list_of_packages_and_names_no_host(file):
    lock = lockfile.current(file)
    names = set(packages.wanted(file.with_suffix(".txt"))) - {packages.ESSENTIAL}
    assert names <= {one.name for one in lock.debs}
    assert not re.search(r"://|\.(org|net|com)\b", file.read_text())


def test_changes_are_told_one_a_line_with_both_versions():
    old = [deb("gone"), deb("moved"), deb("rebuilt"), deb("same")]
    new = [deb("moved", "2"), deb("new"), deb("rebuilt", sha256="cd" * 32), deb("same")]
    assert list(locking.told(lockfile.changes(old, new))) == [
        "added    new 1",
        "removed  gone 1",
        "changed  moved 1 -> 2",
        "replaced rebuilt 1: same version, another file",
    ]
    assert list(locking.told(Changes((), (), (), ()))) == ["nothing changed"]


def test_a_new_lock_has_what_is_essential_and_asked_for_and_what_they_need(renew, tmp_path):
    assert renew() == ["added    base 1:1.0", "added    libbase 1.0", "added    web 2.0"]
    lock = lockfile.read(tmp_path / "packages.lock")
    assert [one.ident for one in lock.debs] == ["base_1:1.0", "libbase_1.0", "web_2.0"]
    assert lock.asked == packages.digest(["?essential", "web"])


def test_without_what_is_essential_only_what_was_asked_for_and_its_needs_are_locked(
    renew, monkeypatch
):
    monkeypatch.setattr(packages, "wanted", lambda _: ["web"])
    assert renew() == ["added    libbase 1.0", "added    web 2.0"]


def test_a_second_lock_tells_only_what_moved(renew, archive, tmp_path):
    renew()
    first = (tmp_path / "packages.lock").stat()
    assert renew() == ["nothing changed"]
    assert (tmp_path / "packages.lock").stat().st_mtime_ns == first.st_mtime_ns
    archive.add("libbase", "1.1")
    assert renew() == ["changed  libbase 1.0 -> 1.1"]


@pytest.fixture
def mended(archive, tmp_path):
    """renew_if_gone on a lock of this archive; returns what it changed, and what it said."""

    def run():
        said: list[str] = []
        file = tmp_path / "packages.lock"
        changes = locking.renew_if_gone(file, said.append, archive.sources)
        return changes, " ".join(said)

    return run


def test_a_lock_that_the_archive_still_serves_stays_although_there_is_newer(renew, archive, mended):
    renew()
    archive.add("other", "2.0")
    assert mended()[0] is None


def test_a_lock_of_which_something_is_gone_is_renewed_and_that_is_said(renew, archive, mended):
    renew()
    archive.add("web", "2.1", Depends="libbase")
    (archive.folder / "web_2.0_all.deb").unlink()
    archive.publish()
    changes, said = mended()
    assert list(locking.told(changes)) == ["changed  web 2.0 -> 2.1"]
    assert "no longer serves web 2.0" in said
    assert mended()[0] is None


def test_a_name_that_no_package_has_is_an_error_and_leaves_the_lock_alone(
    renew, monkeypatch, tmp_path
):
    renew()
    before = (tmp_path / "packages.lock").read_text()
    monkeypatch.setattr(packages, "wanted", lambda _: ["web", "wbe"])
    with pytest.raises(ToolFailed, match="Unable to locate package wbe") as caught:
        renew()
    assert "packages.txt" in caught.value.hint
    assert (tmp_path / "packages.lock").read_text() == before


def test_mmdebstrap_tells_its_own_sources_for_the_suite_without_asking_anybody(tmp_path):
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    sources = apt.sources(folder)
    assert f" {packages.SUITE} main" in sources
    assert f" {packages.SUITE}-security main" in sources

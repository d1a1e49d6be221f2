"""The cache of packages: fetched by the lock, checked each time, refused when it is not the one."""

import hashlib
import os

import pytest

from provisioning.box import cache
from provisioning.box.archive import apt, debs
from provisioning.box.lockfile import Deb
from provisioning.run import ToolFailed
from services.core.errors import LabError
from tests.provisioning.archive import Archive


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return Archive(tmp_path / "archive")


@pytest.fixture
def locked(archive):
    """Two packages that the archive has, as a lock has them."""
    files = [archive.add("one", "1:1.0"), archive.add("two", "2.0", arch="amd64")]
    return [_deb("one", "1:1.0", files[0]), _deb("two", "2.0", files[1])]


class Ready:
    """ready(locked) -> debs.ready of them from `archive`. said: what it has said."""

    def __init__(self, archive):
        self._archive = archive
        self.said: list[str] = []

    def __call__(self, locked):
        return debs.ready(locked, self.said.append, self._archive.sources)


@pytest.fixture
def ready(archive):
    return Ready(archive)


def _deb(name, version, file):
    return Deb(name, version, hashlib.sha256(file.read_bytes()).hexdigest())


def kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache/debs").glob("*"))


def test_what_is_missing_is_fetched_once_and_kept_under_its_hash(ready, locked, archive, tmp_path):
    ready(locked)
    assert kept(tmp_path) == sorted(f"{deb.sha256}.deb" for deb in locked)
    assert ready.said == ["packages: fetching 2"]
    ready(locked)
    assert archive.asked == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["debs"]


def test_with_a_full_cache_no_archive_is_asked(ready, locked, archive, monkeypatch):
    ready(locked)
    monkeypatch.setattr(archive, "sources", None)
    ready(locked)


def test_what_the_archive_no_longer_serves_is_named_with_its_version(ready, locked, archive):
    archive.add("one", "1:1.1")
    (archive.folder / "one_1.1.0_all.deb").unlink()
    (archive.folder / "two_2.0_amd64.deb").unlink()
    archive.publish()
    with pytest.raises(debs.NotServed) as caught:
        ready(locked)
    assert str(caught.value) == ("Debian's archive no longer serves one 1:1.0; two 2.0")
    assert "lab box lock" in caught.value.hint
    assert "bundle" in caught.value.hint


def test_one_that_is_gone_is_told_when_all_are(ready, locked, archive):
    for file in archive.folder.glob("*.deb"):
        file.unlink()
    archive.publish()
    with pytest.raises(debs.NotServed, match=r"one 1:1\.0"):
        ready(locked)


def test_a_package_that_is_gone_is_still_used_from_the_cache(ready, locked, archive):
    ready(locked)
    for file in archive.folder.glob("*.deb"):
        file.unlink()
    archive.publish()
    ready(locked)


def test_another_file_under_the_locked_version_is_refused_by_name(ready, locked, archive, tmp_path):
    archive.add("two", "2.0", arch="amd64", Section="changed")
    with pytest.raises(LabError, match=r"two 2\.0 in the archive"):
        ready(locked)
    assert kept(tmp_path) == []


def test_a_file_that_came_and_is_not_the_locked_one_is_refused(
    ready, locked, monkeypatch, tmp_path
):
    def tampered(_apt, asked, folder):
        for deb in asked:
            (folder / f"{deb.ident.replace(':', '%3a')}_all.deb").write_bytes(deb.name.encode())

    monkeypatch.setattr(apt, "download", tampered)
    with pytest.raises(LabError, match=r"one 1:1\.0 as it was served"):
        ready(locked)
    assert kept(tmp_path) == []


def test_a_damaged_file_in_the_cache_is_said_and_fetched_anew(ready, locked):
    ready(locked)
    debs.path(locked[1]).write_bytes(b"damaged")
    ready(locked)
    assert "packages: two 2.0 in the cache is damaged; it is fetched again" in ready.said
    assert hashlib.sha256(debs.path(locked[1]).read_bytes()).hexdigest() == locked[1].sha256


def test_what_came_before_a_failure_is_kept_and_the_rest_is_named(
    ready, locked, archive, monkeypatch
):
    def broken(_apt, asked, folder):
        source = archive.folder / "one_1.1.0_all.deb"
        (folder / "one_1%3a1.0_all.deb").write_bytes(source.read_bytes())
        raise ToolFailed(["apt-get"], 100, "connection reset")

    monkeypatch.setattr(apt, "download", broken)
    with pytest.raises(LabError, match=r"not fetched: two 2\.0\. .*\sconnection reset"):
        ready(locked)
    assert debs.path(locked[0]).exists()


def test_no_way_to_the_archive_is_an_error_with_a_hint(ready, locked, archive):
    (archive.folder / "Packages").unlink()
    with pytest.raises(ToolFailed, match="apt-get failed") as caught:
        ready(locked)
    assert "mirror" in caught.value.hint


def test_only_what_no_lock_has_and_nobody_used_for_long_is_pruned(ready, locked):
    ready(locked)
    debs.prune([])
    assert debs.path(locked[0]).exists(), "used just now, perhaps by another checkout"
    for deb in locked:
        os.utime(debs.path(deb), (0, 0))
    debs.prune(locked[:1])
    assert [debs.path(deb).exists() for deb in locked] == [True, False]


def test_the_cache_keeps_the_newest_of_each_kind(tmp_path, archive):
    folder = cache.folder()
    for number in range(6):
        for name in (f"box-{number}", f"verify-{number}", f"base-{number}.tar"):
            path = folder / name
            path.mkdir(parents=True) if "tar" not in name else path.touch()
            os.utime(path, (number, number))
    (folder / "base-0.part-1.tar").touch()
    os.utime(folder / "base-0.part-1.tar", (0, 0))
    cache.prune(folder / "box-0")
    assert sorted(path.name for path in folder.iterdir()) == [
        *("base-0.part-1.tar", "base-4.tar", "base-5.tar"),
        *("box-0", "box-2", "box-3", "box-4", "box-5", "verify-4", "verify-5"),
    ]


@pytest.mark.parametrize("whose", ["cache", "cache/debs"])
def test_a_cache_of_somebody_else_is_said_with_the_remedy(
    ready, locked, monkeypatch, tmp_path, whose
):
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != tmp_path / whose and real(path, mode)
    )
    with pytest.raises(cache.NotOurs) as caught:
        ready(locked)
    assert caught.value.path == tmp_path / whose
    assert "chown" in caught.value.hint


def test_what_keeps_nothing_works_without_a_cache_of_ones_own(tmp_path, archive, monkeypatch):
    with cache.scratch() as work:
        assert work.parent == tmp_path / "cache"
    monkeypatch.setattr(os, "access", lambda *_: False)
    with cache.scratch() as work:
        assert work.is_dir()
        assert work.parent != tmp_path / "cache"
    assert not work.exists()


def test_what_killed_builds_left_is_swept_away_and_what_runs_is_not(tmp_path, archive):
    folder = cache.folder()
    for name in ("work-old", "work-new"):
        (folder / name / "root").mkdir(parents=True)
    for name in ("base-a.part-1.tar", "base-b.part-2.tar", "base-c.tar"):
        (folder / name).touch()
    for name in ("work-old", "base-a.part-1.tar", "base-c.tar"):
        os.utime(folder / name, (0, 0))
    with cache.workspace():
        pass
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["base-b.part-2.tar", "base-c.tar", "work-new"]

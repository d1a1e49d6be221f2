"""From locked packages to what mmdebstrap installs: these, and no others."""

import pytest

from provisioning.box import base, repository
from provisioning.box.archive import apt, debs
from provisioning.box.lockfile import Deb, Lock
from services.core.errors import LabError
from tests.provisioning.archive import Archive

SHA256 = "ab" * 32


def _deb(ident, sha256=SHA256):
    name, version = ident.split("_")
    return Deb(name, version, sha256)


def test_apt_takes_the_locked_files_from_the_folder_by_suite_version_and_hash(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    archive = Archive(tmp_path / "archive")
    archive.add("base", "1:1.0+b~1", Essential="yes")
    archive.add("web", "2.0", Depends="base")
    archive.add("other", "3.0")
    work = tmp_path / "first"
    work.mkdir()
    first = apt.opened(work / "apt", archive.sources(work))
    served = apt.served(first, ["base", "web"])
    debs.ready(served.values(), lambda _: None, archive.sources)

    line = repository.make([(deb, debs.path(deb)) for deb in served.values()], tmp_path / "own")
    second = apt.opened(tmp_path / "apt", line + "\n")
    assert apt.resolve(second, ["?essential", "web"]) == ["base_1:1.0+b~1", "web_2.0"]
    # As mmdebstrap asks for what is essential.
    essential = "?narrow(?codename(^trixie$),?essential)"
    printed = second.tool("apt-get", "--quiet", "--print-uris", "install", essential)
    assert "base_1%3a1.0+b~1_all.deb" in printed
    assert apt.served(second, ["other"]) == {}
    (tmp_path / "came").mkdir()
    apt.download(second, list(apt.served(second, ["base", "web"]).values()), tmp_path / "came")
    came = {apt.ident(file): file.read_bytes() for file in (tmp_path / "came").iterdir()}
    assert came == {deb.ident: debs.path(deb).read_bytes() for deb in served.values()}


LOCKED = [
    "libc6_2.41-12",
    "libssl3t64_3.5.1-1+b2",
    "mawk_1.3.4",
    "openssh-server_1:10.0p1-7",
]


def lock(idents):
    return Lock("", tuple(map(_deb, idents)))


def test_exactly_the_locked_packages_are_what_the_lock_asks_for():
    base.check(lock(LOCKED), set(LOCKED))


@pytest.mark.parametrize(
    ("locked", "told"),
    [
        ([*LOCKED, "new_1"], r": -new_1$"),
        (LOCKED[1:], r": \+libc6_2.41-12$"),
        (["libc6_2.41-13", *LOCKED[1:]], r": -libc6_2.41-13, \+libc6_2.41-12$"),
    ],
    ids=["one is missing", "one too many", "another version"],
)
def test_another_installation_is_named_and_refused(locked, told):
    with pytest.raises(LabError, match=told):
        base.check(lock(locked), set(LOCKED))


def test_the_tar_is_another_one_when_the_hash_of_a_package_is():
    one, two = (Lock("", (_deb("a_1", sha),)) for sha in (SHA256, "cd" * 32))
    assert base.key(one) != base.key(two)
    assert base.key(one) == base.key(one)

"""Two builds compared: the second elsewhere, and both kept when they differ."""

import os
import time
from pathlib import Path

import pytest

from provisioning.box import build, manifest, pack
from provisioning.box.look import verify
from provisioning.guest import source
from services.core.errors import LabError


class Builds:
    """Stands for the build, which needs root: writes a manifest and notes where it ran."""

    def __init__(self):
        self.noted: list[tuple] = []
        self.content = ["cc", "cc"]

    def make(self, work, out, say, *, scratch):
        say("building")
        umask = os.umask(0)
        os.umask(umask)
        content = self.content[len(self.noted)]
        self.noted.append((work.name, time.tzname, umask, scratch))
        out.mkdir()
        (out / pack.FILE).write_text(content)
        write(out, {"vmlinuz": "aa", pack.FILE: content})


@pytest.fixture
def builds(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    made = Builds()
    monkeypatch.setattr(build, "make", made.make)
    yield made
    monkeypatch.undo()
    time.tzset()


def write(folder, hashes):
    parts = {name: {"sha256": sha256} for name, sha256 in hashes.items()}
    manifest.write(manifest.Manifest("", parts, {}, {}, {}), folder)


def test_the_second_build_has_another_folder_time_zone_and_umask_and_no_cache(builds):
    before = os.umask(0)
    os.umask(before)
    said: list[str] = []
    lines = list(verify.verify(said.append))
    first, second = builds.noted
    assert said == ["1st  building", "2nd  building"]
    assert first[0] != second[0]
    assert first[1] != second[1]
    assert first[2] == before != second[2]
    assert first[3] == second[3] == True  # noqa: E712
    assert lines == ["vmlinuz           same    sha256 aa", "pushpull-lab.box  same    sha256 cc"]
    umask = os.umask(before)
    assert umask == before
    assert os.environ["TZ"] == "Europe/Paris"


def test_what_was_verified_is_the_cache_s_box_if_it_had_none(builds):
    list(verify.verify(lambda _: None))
    box = build.wanted()
    assert build.exists(box)
    assert box.hashes() == {"vmlinuz": "aa", pack.FILE: "cc"}
    assert [path.name for path in box.folder.parent.iterdir()] == [box.folder.name]


def test_a_box_that_is_there_is_left_alone(builds):
    box = build.wanted()
    box.folder.mkdir(parents=True)
    write(box.folder, {"vmlinuz": "old"})
    list(verify.verify(lambda _: None))
    assert box.hashes() == {"vmlinuz": "old"}


def test_builds_that_differ_are_an_error_and_both_are_kept_for_diff(builds):
    builds.content = ["cc", "dd"]
    lines: list[str] = []
    with pytest.raises(LabError, match=r"differ in pushpull-lab\.box") as caught:
        lines.extend(iter_into(lines, verify.verify(lambda _: None)))
    assert lines[-1] == "pushpull-lab.box  differs sha256 cc and dd"
    first, second = map(Path, caught.value.hint.split()[-2:])
    assert caught.value.hint.endswith(f"lab box diff {first} {second}")
    assert [(folder / pack.FILE).read_text() for folder in (first, second)] == ["cc", "dd"]
    assert not build.exists(build.wanted())


def test_a_checkout_that_changes_meanwhile_is_said_instead_of_a_difference(builds, monkeypatch):
    builds.content = ["cc", "dd"]
    archives = iter(["one", "two"])
    monkeypatch.setattr(source, "archive", lambda: next(archives))
    with pytest.raises(LabError, match="checkout was changed"):
        list(verify.verify(lambda _: None))


def test_the_umask_of_whoever_builds_does_not_reach_the_box(builds, monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setattr(
        build, "_make", lambda work, out, say, scratch: (tmp_path / "made").write_text("")
    )
    before = os.umask(0o077)
    build.make(tmp_path, tmp_path / "out", print)
    assert os.umask(before) == 0o077
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644


def test_the_program_under_sudo_ends_with_the_error_and_its_hint(builds, capsys):
    builds.content = ["cc", "dd"]
    assert verify.main() == 1
    captured = capsys.readouterr()
    assert "vmlinuz           same" in captured.out
    assert "Hint: both are kept; what differs: lab box diff " in captured.err
    builds.noted.clear()
    builds.content = ["cc", "cc"]
    assert verify.main() == 0


def test_a_hash_that_one_build_lacks_is_a_difference():
    assert verify.differing({"a": "1"}, {"a": "1", "b": "2"}) == ["b"]
    assert list(verify.compared({"a": "1"}, {})) == ["a  differs sha256 1 and absent"]


def iter_into(lines, source):
    """Collect from `source` also what it yields before it raises."""
    for line in source:
        lines.append(line)
    return []

"""`lab bundle` as typed, and the part of it that runs before there is an environment."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lab import paths
from lab.bundle import unpack
from lab.cli import main
from lab.terminal import lock
from provisioning.box import build as box_build
from provisioning.host import wheels
from tests.bundle.conftest import BOX, OLDER
from tests.house.repository import ROOT
from tests.waiting import wait_for


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run one command line, with locks of our own."""
    for folder in ("RUN", "SHARED"):
        monkeypatch.setattr(paths, folder, tmp_path / folder)
    return lambda *words: CliRunner().invoke(main, ["bundle", *map(str, words)])


def test_export_show_import(run, home, plane):
    file = home.folder / "lab.tar"
    done = run("export", file, "--chapter", "two", "--chapter", "one")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{file}: 3 MiB; box {BOX}, wheels, chapter one, chapter two\n"
    assert "private keys and tokens" in done.stderr
    shown = run("show", file, "--verify")
    assert shown.exit_code == 0, shown.output
    assert "chapter  one" in shown.stdout
    assert wheels.python() in shown.stdout
    data = json.loads(run("show", file, "--json").stdout)
    assert [one["name"] for one in data["chapters"]] == ["one", "two"]
    assert data["members"][0]["name"].startswith("boxes/")
    assert data["verified"] is False
    plane.sit_down()
    done = run("import", file)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"imported box {BOX}, wheels, chapter one, chapter two\n"


def test_all_chapters_are_all_and_none_is_none(run, home):
    assert run("export", home.folder / "all.tar", "--all-chapters").exit_code == 0
    none = run("export", home.folder / "none.tar", "--no-wheels")
    assert none.stdout.endswith(f"; box {BOX}\n")
    assert "private keys" not in none.stderr
    data = json.loads(run("show", home.folder / "all.tar", "--json").stdout)
    assert [one["name"] for one in data["chapters"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["export", "{}/x.tar", "--chapter", "none"], "there is no chapter 'none'; there are: one"),
        (["export", "{}/x.tar", "--chapter", "../one"], "is not an RFC 1123 label"),
        (["export", "{}/none/x.tar"], "there is no folder"),
        (["show", "{}/x.tar"], "no such file"),
        (["show", "{}"], "is a directory"),
        (["import", "{}/x.tar"], "no such file"),
    ],
)
def test_what_cannot_be_is_an_error_with_a_hint(run, home, words, error):
    done = run(*(word.format(home.folder) for word in words))
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    assert error in done.stderr
    assert "\nHint: " in done.stderr


def test_a_damaged_bundle_fails_show_with_verify_only(run, home):
    file = home.export("one")
    data = file.read_bytes()
    damaged = data.rindex(b"memory\0")
    file.write_bytes(data[:damaged] + b"M" + data[damaged + 1 :])
    assert run("show", file).exit_code == 0
    done = run("show", file, "--verify")
    assert done.exit_code == 1
    assert "chapters/one/api.memory: it has changed" in done.stderr


def test_an_import_for_another_version_of_the_checkout_says_so(run, home, plane, monkeypatch):
    file = home.export("one", with_wheels=False)
    plane.sit_down()
    other = box_build.Box(OLDER, plane.cache / f"box-{OLDER}")
    monkeypatch.setattr(box_build, "wanted", lambda: other)
    done = run("import", file)
    assert done.exit_code == 0, done.output
    assert f"this checkout asks for box {OLDER}" in done.stderr
    assert "git checkout" in done.stderr


def test_two_imports_do_not_meet_and_a_lab_at_work_stops_only_chapters(run, home, plane):
    plain, full = home.export(), home.export("one", name="full.tar")
    plane.sit_down()
    with lock.locked("lab demo"):
        refused = run("import", full)
        assert refused.exit_code == 1
        assert "lab demo" in refused.stderr
        assert run("import", plain).exit_code == 0
    with unpack.alone("another import"):
        assert "another import" in run("import", full).stderr
    assert run("import", full).exit_code == 0


def before_venv(*words, cache):
    """As provisioning/host/venv.sh calls it: no site-packages."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "lab.bundle", *map(str, words)],
        cwd=ROOT,
        env={"LAB_CACHE": str(cache), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_before_there_is_an_environment_the_wheels_are_found(home, plane):
    file = home.export("one")
    assert before_venv("wheels", cache=plane.cache).stdout == ""
    done = before_venv("wheels", file, cache=plane.cache)
    assert done.returncode == 0, done.stderr
    folder = plane.cache / "wheels" / wheels.key()
    assert done.stdout == f"{folder}\n"
    assert [path.read_bytes() for path in folder.iterdir()] == [b"wheel"]
    assert before_venv("wheels", cache=plane.cache).stdout == f"{folder}\n"


def test_an_import_that_is_killed_leaves_nothing_that_the_next_does_not_clear(home, plane):
    (home.cache / f"box-{BOX}/pushpull-lab.box").write_bytes(os.urandom(64 * 1024 * 1024))
    file = home.export()
    command = [sys.executable, "-m", "lab", "bundle", "import", str(file)]
    environment = {**os.environ, "LAB_CACHE": str(plane.cache)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as first:
        wait_for(
            (plane.cache / ".import/boxes").exists, "it has begun", timeout_s=60, every_s=0.001
        )
        first.kill()
    assert [path.name for path in plane.cache.glob("[!.]*")] == []
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert sorted(path.name for path in plane.cache.glob("[!.]*")) == [f"box-{BOX}", "wheels"]
    assert [path.name for path in plane.cache.glob(".*")] == [".import.lock"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["wheels", "/none.tar"], 1, "Hint: "), ([], 2, "lab.bundle"), (["wheels", "a", "b"], 2, "")],
)
def test_before_there_is_an_environment_failures_have_words_too(plane, words, code, said):
    done = before_venv(*words, cache=plane.cache)
    assert done.returncode == code
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr

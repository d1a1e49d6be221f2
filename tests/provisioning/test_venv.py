"""The script that makes .venv: what it asks of Python and of pip. `make setup` runs it for real."""

import os
import subprocess

import pytest

from provisioning.box import cache
from provisioning.host import wheels
from provisioning.run import ToolFailed
from tests.house.repository import ROOT

# Writes down how it was called, and makes environments of itself.
PYTHON = """#!/bin/sh
echo "$PIP_CONFIG_FILE|$PIP_FIND_LINKS|$*" >> "$LOG"
case "$*" in
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
*"lab.bundle wheels"*) [ "${WHEELS-none}" = none ] && exit 1; printf '%s' "$WHEELS" ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """Run the script with a Python that only writes down; return (exit code, its calls)."""
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    log = tmp_path / "log"

    def make(*words, **environment):
        script = [ROOT / "provisioning/host/venv.sh", tmp_path / "venv", python, *words]
        env = {**os.environ, "LOG": str(log), "PIP_FIND_LINKS": "/elsewhere", **environment}
        env.pop("PIP_CONFIG_FILE", None)
        done = subprocess.run(script, cwd=tmp_path, env=env, capture_output=True, check=False)
        return done.returncode, log.read_text().splitlines()

    return make


def test_from_a_bundle_pip_is_told_to_look_nowhere_else(make, tmp_path):
    code, calls = make("my bundle.tar", WHEELS="/cache/my wheels")
    assert code == 0
    assert calls[2].endswith("|-S -m lab.bundle wheels my bundle.tar")
    installs = [call for call in calls if " pip install " in call]
    assert len(installs) == 2
    for call in installs:
        assert call.startswith("/dev/null||")
        assert "--no-index --find-links /cache/my wheels" in call
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert (tmp_path / "venv/.ready").exists()


def test_without_one_pip_asks_whom_it_is_set_up_to_ask(make):
    code, calls = make("", WHEELS="")
    assert code == 0
    assert calls[2].endswith("|-S -m lab.bundle wheels")
    installs = [call for call in calls if " pip install " in call]
    assert all(call.startswith("|/elsewhere|") for call in installs)
    assert "--no-index" not in "".join(installs)


def test_a_bundle_that_is_refused_makes_no_environment(make, tmp_path):
    code, calls = make("bad.tar", WHEELS="none")
    assert code == 1
    assert "venv" not in "".join(calls[2:])
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("moved", [False, True])
def test_only_an_environment_that_moved_is_made_from_nothing(make, tmp_path, moved):
    """What pip has installed it leaves as it is: programs that name a Python that is gone."""
    (tmp_path / "venv/bin").mkdir(parents=True)
    place = tmp_path / ("before" if moved else "venv")
    (tmp_path / "venv/bin/lab").write_text(f"#!{place}/bin/python\n")
    _, calls = make("", WHEELS="")
    assert ("--clear" in "".join(calls)) is moved


@pytest.mark.parametrize("name", ["plain", "with a space", "with, (signs) & 'quotes'"])
def test_make_notices_that_the_checkout_moved(tmp_path, name):
    folder, moved = tmp_path / name, tmp_path / f"{name} moved"
    (folder / "provisioning/host").mkdir(parents=True)
    for file in ("Makefile", "requirements.lock", "pyproject.toml", "provisioning/host/venv.sh"):
        (folder / file).write_bytes((ROOT / file).read_bytes())
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/lab").write_text(f'exec "{folder}/.venv/bin/python" "$0" "$@"\n')
    (folder / ".venv/.ready").touch()

    def todo(where):
        words = ["make", "--dry-run", "-C", where, "venv"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    assert "venv.sh" not in todo(folder)
    folder.rename(moved)
    assert "venv.sh" in todo(moved)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What pip was asked to download, into a cache of our own."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    asked = []

    def run(argv, **_):
        asked.append(argv)
        (folder,) = [word.removeprefix("--dest=") for word in argv if word.startswith("--dest=")]
        os.mkdir(folder)  # noqa: PTH102

    monkeypatch.setattr(wheels, "run", run)
    return asked


def test_wheels_are_fetched_once_by_the_hashes_of_the_lock(asked):
    folder = wheels.collect(print)
    assert wheels.collect(print) == folder == cache.folder() / "wheels" / wheels.key()
    (argv,) = asked
    assert {"--require-hashes", "--only-binary=:all:", str(ROOT / "requirements.lock")} <= set(argv)


def test_wheels_are_whole_or_not_there(asked, monkeypatch):
    def fail(argv, **_):
        raise ToolFailed(argv, 1, "no way to the package index")

    monkeypatch.setattr(wheels, "run", fail)
    with pytest.raises(ToolFailed):
        wheels.collect(print)
    assert list(cache.folder().iterdir()) == []


def test_of_the_wheels_of_other_locks_the_newest_stay(asked, monkeypatch):
    for number, key in enumerate(("a" * 16, "b" * 16, "c" * 16)):
        monkeypatch.setattr(wheels, "key", lambda key=key: key)
        os.utime(wheels.collect(print), (number, number))
    assert sorted(path.name[0] for path in (cache.folder() / "wheels").iterdir()) == ["b", "c"]


def test_the_key_changes_with_the_lock_and_with_python(monkeypatch, tmp_path):
    keys = {wheels.key()}
    monkeypatch.setattr(wheels, "python", lambda: "cp399-linux-x86_64")
    keys.add(wheels.key())
    (tmp_path / "lock").write_text("click==1")
    monkeypatch.setattr(wheels, "_LOCK", tmp_path / "lock")
    keys.add(wheels.key())
    assert len(keys) == 3

"""Running a tool, as root too."""

import errno
import os
import subprocess
import sys

import pytest

from provisioning import run as module
from provisioning.run import ToolFailed, check_root, remedy, run, run_as_root
from services.core.errors import LabError

LEADS = [sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"]


@pytest.mark.parametrize("alone", [False, True])
def test_a_tool_that_must_end_by_itself_is_out_of_reach_of_ctrl_c(alone):
    assert run(LEADS, uninterrupted=alone).strip() == str(alone)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("cp: error writing 'a': No space left on device", "df -h"),
        ("cp: cannot open 'a' for reading: Permission denied", "ls -ld"),
        ("sudo: a password is required", "sudo true"),
        ("E: Unable to locate package", "the caller's"),
        ("root@node1: Permission denied (publickey).", "the caller's"),
    ],
)
def test_the_hint_fits_the_cause_that_the_tool_names(said, hint):
    with pytest.raises(ToolFailed) as failed:
        run(["sh", "-c", 'echo "$1" >&2; exit 1', "sh", said], hint="the caller's")
    assert hint in failed.value.hint


def test_an_error_of_the_system_has_the_same_remedies():
    assert "ls -ld" in remedy(str(PermissionError(13, "Permission denied", "/a")))
    for number in (errno.ENOSPC, errno.EDQUOT):
        assert "df -h" in remedy(str(OSError(number, os.strerror(number))))
    assert remedy("anything else") == ""


@pytest.fixture
def sudo(monkeypatch, tmp_path):
    """A sudo that lets us once `password` exists, and the user of a terminal who types it."""
    program = tmp_path / "sudo"
    program.write_text(
        '#!/bin/sh\necho "$*" >>"${0%/*}/calls"\n'
        '[ "$1" = -n ] && shift || touch "${0%/*}/password"\n'
        '[ -e "${0%/*}/password" ] && exec "$@"\necho "sudo: a password is required" >&2; exit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


@pytest.mark.parametrize("remembered", [True, False], ids=["no question", "a question"])
def test_sudo_asks_where_there_is_a_terminal_and_only_if_it_must(sudo, monkeypatch, remembered):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    if remembered:
        (sudo / "password").touch()
    assert run_as_root(["echo", "done"]).strip() == "done"
    questions = [call for call in (sudo / "calls").read_text().splitlines() if call[:2] != "-n"]
    assert questions == ([] if remembered else ["true"])


def test_without_a_terminal_it_is_an_error_before_anything_runs(sudo, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(LabError, match="a password is required") as refused:
        run_as_root(["touch", str(sudo / "touched")])
    assert "sudo true" in refused.value.hint
    assert not (sudo / "touched").exists()


def test_a_sudo_that_asks_each_time_is_no_way(sudo, monkeypatch):
    """Later commands run several at once, and cannot ask."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(module, "_refused", lambda: "sudo: a password is required")
    with pytest.raises(LabError, match="a password is required"):
        check_root()


def test_root_is_not_asked(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked"))
    check_root()


def test_without_sudo_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module, "sudo", lambda: [str(tmp_path / "sudo"), "-n"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(LabError, match="this needs root: command not found"):
        check_root()

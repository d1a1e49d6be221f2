"""What a build under sudo makes is the user's; without rights none begins."""

import os
import signal
import subprocess

import pytest

from provisioning.box import build
from services.core.errors import LabError
from tests.waiting import wait_for

USER, OTHER = 65534, 12345


def give(cache, program):
    """Run `program`, a line for sh, as the build runs under sudo; return the exit code."""
    words = ["sh", "-c", build._GIVE, "sh", str(USER), str(USER), str(cache), "sh", "-c", program]
    return subprocess.run(words, cwd=cache, check=False).returncode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("code", [0, 3])
def test_what_root_makes_is_the_users_however_the_build_ends(tmp_path, code):
    (tmp_path / "colleague").touch()
    os.chown(tmp_path / "colleague", OTHER, OTHER)
    (tmp_path / "outside").touch()
    cache = tmp_path / "cache"
    cache.mkdir()
    assert give(cache, f"mkdir box; touch box/img; ln -s ../outside link; exit {code}") == code
    owners = {path.name: path.lstat().st_uid for path in tmp_path.rglob("*")}
    assert owners == {
        "cache": USER, "box": USER, "img": USER, "link": USER, "outside": 0, "colleague": OTHER,
    }  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_also_after_ctrl_c_which_a_terminal_sends_to_the_shell_as_well(tmp_path):
    assert give(tmp_path, "touch part; kill -INT $PPID; exit 130") == 130
    assert (tmp_path / "part").stat().st_uid == USER


def test_without_rights_no_build_begins(monkeypatch, tmp_path):
    def refuse():
        raise LabError("no rights")

    monkeypatch.setattr(build, "check_root", refuse)
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(LabError, match="no rights"):
        build.as_root("provisioning.box.build", lambda _: None)
    assert not (tmp_path / "cache").exists()


def test_ctrl_c_returns_once_the_build_has_cleaned_up(monkeypatch, tmp_path):
    """And kills nothing: sudo, and what it runs, are root's."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    slow = f"kill $!; sleep 1; touch {ended}; exit 130"
    program = f"trap '{slow}' INT; touch {begun}; sleep 60 & wait"
    monkeypatch.setattr(build, "sudo", lambda: ["sh", "-c", program])
    monkeypatch.setattr(build, "check_root", lambda: None)
    monkeypatch.setattr(subprocess.Popen, "kill", lambda _: pytest.fail("killed"))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    real = subprocess.Popen.wait

    def interrupted(process, timeout=None):
        monkeypatch.setattr(subprocess.Popen, "wait", real)
        wait_for(begun.exists, "it runs", timeout_s=20)
        process.send_signal(signal.SIGINT)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build.as_root("provisioning.box.build", lambda _: None)
    assert ended.exists()

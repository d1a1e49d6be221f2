"""`lab stage` and `lab watch` as commands: what they refuse, what they print, how they end."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import pytest
from click.testing import CliRunner

from lab.cli import main
from lab.history.history import FILE
from lab.stage.web.serving import bind
from tests.experiment.histories import healed
from tests.house.repository import ROOT
from tests.stage.serving import ask


@pytest.fixture
def run_folder(tmp_path):
    made = healed()
    made.end(40)
    (tmp_path / FILE).write_text(made.text())
    return tmp_path


def run(*words):
    """Run one command line; the result has exit_code, stdout and stderr."""
    return CliRunner().invoke(main, list(words))


@contextmanager
def ended_late(process):
    """Kill `process` after the block, or after a minute: no test waits longer for its words."""
    late = threading.Timer(60, process.kill)
    late.start()
    try:
        yield
    finally:
        late.cancel()
        process.kill()


@contextmanager
def started(*words):
    """`lab WORDS...` meanwhile."""
    argv = [sys.executable, "-m", "lab", *words]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    started_now = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True)
    with started_now as process, ended_late(process):
        yield process


def test_it_prints_the_url_serves_it_and_ends_cleanly_with_ctrl_c(run_folder):
    with started("stage", "--port", "0", "--replay", str(run_folder), "--lang", "fr") as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        found = next(f for line in lines if (f := re.match(r"http://localhost:(\d+)(/\S+)", line)))
        assert found[2].endswith("&lang=fr")
        assert ask(int(found[1]), "GET", found[2])[0] == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert errors == ""


def test_two_servers_have_two_tokens(run_folder):
    urls = []
    for _ in range(2):
        with started("stage", "--port", "0", "--replay", str(run_folder)) as process:
            assert process.stdout
            lines = iter(process.stdout.readline, "")
            urls.append(next(line for line in lines if "token=" in line).partition("token=")[2])
    assert urls[0] != urls[1]


def test_a_phone_gets_a_code_and_a_page_of_its_own_on_the_address_that_was_named(run_folder):
    words = ("stage", "--port", "0", "--replay", str(run_folder), "--phone", "127.0.0.1:0")
    with started(*words) as process:
        assert process.stdout
        text = ""
        while "second speaker" not in text:
            text += (line := process.stdout.readline())
            assert line, text
        stage = re.search(r"http://localhost:(\d+)(/\S+)", text)
        phone = re.search(r"phone: http://127.0.0.1:(\d+)(/\S+)", text)
        assert stage
        assert phone
        assert "█" in text
        assert ask(int(phone[1]), "GET", phone[2], Host="127.0.0.1")[0] == 200
        # Neither token opens the other page.
        assert ask(int(stage[1]), "GET", phone[2])[0] == 403
        assert ask(int(phone[1]), "GET", stage[2], Host="127.0.0.1")[0] == 403
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_a_port_that_is_taken_is_an_error_with_a_hint(run_folder):
    with bind(lambda *_: [], 0) as server:
        words = ("stage", "--port", str(server.server_port), "--replay", str(run_folder))
        result = run(*words)
    assert result.exit_code == 1
    assert "another program has it" in result.stderr
    assert "--port 0" in result.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["stage", "--replay", "no-such-run"], "no run 'no-such-run'"),
        (["watch", "--replay", "no-such-run"], "no run 'no-such-run'"),
        (["stage", "--replay", "x", "--control"], "a recorded run cannot be broken"),
        (["stage", "--lang", "de"], "unknown language 'de'"),
        (["stage", "--phone", "0.0.0.0"], "the phone page cannot listen on '0.0.0.0'"),
    ],
)
def test_what_cannot_be_shown_is_an_error_with_a_hint(words, error):
    result = run(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {error}")
    assert "\nHint: " in result.stderr


def test_a_damaged_history_is_played_as_far_as_it_goes(run_folder):
    lines = (run_folder / FILE).read_text().splitlines(keepends=True)
    (run_folder / FILE).write_text("".join([*lines[:4], "torn\n", *lines[5:]]))
    with started("watch", "--replay", str(run_folder)) as process:
        assert process.stdout
        assert any("damaged: line 5" in line for line in iter(process.stdout.readline, ""))


def test_watch_ends_cleanly_with_ctrl_c(run_folder):
    with started("watch", "--replay", str(run_folder)) as process:
        assert process.stdout
        assert any(line.startswith("RECORDED") for line in iter(process.stdout.readline, ""))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_on_a_terminal_watch_has_a_screen_of_its_own_and_gives_it_back(run_folder):
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "lab", "watch", "--replay", str(run_folder)]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "30"}
    with (
        subprocess.Popen(argv, cwd=ROOT, env=env, stdout=theirs, stderr=theirs) as process,
        ended_late(process),
    ):
        os.close(theirs)
        said = b""
        while b"RECORDED" not in said:
            said += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # EIO: the other end is closed
            while data := os.read(ours, 4096):
                said += data
        assert process.wait(20) == 0
    os.close(ours)
    screen, back = b"\x1b[?1049h", b"\x1b[?1049l"
    assert screen in said
    assert back in said
    assert b"Traceback" not in said

"""A closed terminal and `kill` end a command as Ctrl-C does: what cleans up runs to its end."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import entry_points

import pytest

from lab.cli import INTERRUPTED
from tests.waiting import wait_for

# A command that cleans up slowly, as a freeze does when it resumes the machines.
DOOMED = """
import sys, time, pathlib, click
from lab import cli

@click.command()
def doomed():
    try:
        print("begun", flush=True)
        while True:
            time.sleep(0.01)  # short: a signal right before a sleep does not end it
    finally:
        pathlib.Path(sys.argv[1]).write_text("begun")
        time.sleep(0.3)
        print("cleans up", file=sys.stderr, flush=True)
        pathlib.Path(sys.argv[1]).write_text("clean")

type(cli.main).get_command = lambda *_: doomed
sys.exit(cli.run(["doomed"]))
"""


@contextmanager
def begin(tmp_path, output, signals="--default-signal"):
    """Run it meanwhile. A shell's background job, as the tests may be one, ignores SIGINT."""
    command = ["env", signals, sys.executable, "-c", DOOMED, str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_command_clean_up_and_ends_with_130(tmp_path, number):
    with begin(tmp_path, subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(number)
        assert process.wait(30) == INTERRUPTED
    assert (tmp_path / "state").read_text() == "clean"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_second_signal_does_not_end_what_cleans_up(tmp_path, number):
    state = tmp_path / "state"
    with begin(tmp_path, subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(number)
        wait_for(state.exists, "it cleans up", timeout_s=20, every_s=0.01)
        process.send_signal(number)
        assert process.wait(30) == INTERRUPTED
    assert state.read_text() == "clean"


def test_a_closed_terminal_is_no_error_of_what_cleans_up(tmp_path):
    """Writing to it fails with EIO then."""
    ours, theirs = pty.openpty()
    with begin(tmp_path, theirs) as process:
        os.close(theirs)
        assert os.read(ours, 5) == b"begun"
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == INTERRUPTED
    assert (tmp_path / "state").read_text() == "clean"


def test_a_command_under_nohup_goes_on(tmp_path):
    with begin(tmp_path, subprocess.PIPE, "--ignore-signal=HUP") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == INTERRUPTED


def test_the_installed_command_is_the_one_that_ends_so():
    [command] = entry_points(group="console_scripts", name="lab")
    assert command.value == "lab.cli:run"

"""The command line: help, words, the error edge."""

import errno
import os
import subprocess
import sys

import click
import pytest

from lab.cli import COMMANDS, INTERRUPTED, main
from services.core.errors import LabError


def test_help_names_every_command_and_imports_none():
    code = "import sys; from lab.cli import run; run(['--help']); print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in out.stdout for name in COMMANDS)
    for heavy in ("'fabric'", "'paramiko'", "'rich'", "'lab.commands.vms'"):
        assert heavy not in out.stdout


def test_talking_to_an_api_needs_no_heavy_library():
    """Each costs every command 0.2 s, and a reset takes 5."""
    code = "import sys, lab.bringup.bringup; print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("'requests'", "'urllib3'", "'fabric'", "'paramiko'", "'rich'"):
        assert heavy not in out.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_loads_and_helps_with_its_options(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: main {name}")


@pytest.mark.parametrize(
    "command", ["status", "events", "demo", "doctor", "bench up", "bench converge"]
)
def test_what_prints_a_table_prints_json_too(run, command):
    assert "--json" in run(*command.split(), "--help").output


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["up", "nonsense"], "unknown mode 'nonsense'", "push, pull, both"),
        (["up", "push", "--profile", "warp"], "unknown profile 'warp'", "seed, fast"),
        (["ssh", "node9"], "unknown machine 'node9'", "api, node1, node2, node3"),
        (["chaos", "halt", "node9"], "unknown target 'node9'", "api, node1, node2, node3"),
        (["chaos", "corrupt", "api"], "unknown target 'api'", ": node1, node2, node3; several"),
        (["drain", "api"], "unknown node 'api'", "node1, node2, node3"),
        (["token", "rotate", "node9"], "unknown node 'node9'", "node1, node2, node3"),
        (["bench", "converge", "--only", "x"], "unknown measurement 'x'", "declared, drift"),
        (["demo", "magic"], "unknown demonstration 'magic'", "resilience"),
        (["completion", "ksh"], "unknown shell 'ksh'", "bash, zsh, fish"),
    ],
)
def test_an_unknown_word_is_an_error_that_lists_the_known_ones(run, words, error, hint):
    result = run(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first == f"Error: {error}"
    assert second.startswith("Hint: ")
    assert hint in second


def _command_that(monkeypatch, effect):
    @click.command()
    def doomed():
        raise effect

    monkeypatch.setattr(type(main), "get_command", lambda *_: doomed)


def test_an_error_without_a_hint_has_one_line(run, monkeypatch):
    _command_that(monkeypatch, LabError("it broke"))
    result = run("up")
    assert (result.exit_code, result.stderr) == (1, "Error: it broke\n")


def _lab(code, stdout):
    """Run `lab` with its one command replaced by `code`; its standard output is `stdout`."""
    text = (
        "import sys, click; from lab import cli\n"
        f"@click.command()\ndef doomed():\n    {code}\n"
        "type(cli.main).get_command = lambda *_: doomed\nsys.exit(cli.run(['up']))"
    )
    return subprocess.run(
        [sys.executable, "-c", text], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )


@pytest.fixture
def closed():
    """A pipe whose reader has ended, as `head` does."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("code", ["click.echo('x')", "[click.echo('x') for _ in range(9)]"])
def test_a_reader_who_has_enough_is_no_failure(closed, code):
    assert _lab(code, closed).stderr == ""


def test_another_broken_pipe_is_a_failure():
    done = _lab("raise BrokenPipeError(32, 'Broken pipe')", subprocess.DEVNULL)
    assert done.returncode == 1
    assert "Error: [Errno 32] Broken pipe" in done.stderr


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a b"), "df -h"),
        (PermissionError(errno.EACCES, "Permission denied", "/root/x"), "ls -ld"),
        (OSError(errno.EIO, "Input/output error"), "lab doctor"),
    ],
)
def test_an_error_of_the_system_names_its_own_remedy(run, monkeypatch, error, hint):
    _command_that(monkeypatch, error)
    result = run("up")
    assert result.exit_code == 1
    assert hint in result.stderr.splitlines()[-1]
    assert ("df -h" in result.stderr) is (error.errno == errno.ENOSPC)


def test_ctrl_c_says_how_to_go_on_and_ends_with_130(run, monkeypatch):
    _command_that(monkeypatch, KeyboardInterrupt())
    result = run("up")
    assert result.exit_code == INTERRUPTED
    assert "goes on from here" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_says_how_to_install_it(run, shell):
    lines = run("completion", shell).output.splitlines()
    assert lines[0].startswith("# install: lab completion")
    assert any("_LAB_COMPLETE" in line for line in lines)


def test_the_shell_completes_node_names():
    command = [sys.executable, "-m", "lab"]
    env = {
        "_LAB_COMPLETE": "bash_complete",
        "COMP_WORDS": "lab chaos halt nod",
        "COMP_CWORD": "3",
        "PATH": "/usr/bin",
    }
    out = subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout
    assert [line.split(",")[1] for line in out.splitlines()] == ["node1", "node2", "node3"]

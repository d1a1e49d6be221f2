"""`fab`: the same commands, found under the name that Fabric looks for."""

import subprocess
import sys
from pathlib import Path

import pytest
from invoke.program import Program

import tasks
from lab import cli
from lab.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def fab(*words):
    command = [str(Path(sys.executable).with_name("fab")), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_fab_lists_its_tasks():
    listed = fab("--list").stdout
    plain = "up down status ssh logs demo heal doctor test box.build bench.up bench.converge"
    chaos = "chaos.halt chaos.start chaos.stop-api chaos.start-api chaos.corrupt"
    nodes = "events cordon uncordon drain token.rotate"
    bundle = "bundle.export bundle.show bundle.import"
    for name in f"{plain} {chaos} {nodes} {bundle}".split():
        assert f"\n  {name} " in listed


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("up both", "up both"),
        ("up both --profile seed --cold", "up both --profile seed --cold"),
        ("status --json", "status --json"),
        ("logs --name node1 -f", "logs node1 --follow"),
        ("demo --name resilience", "demo resilience"),
        ("ssh node1 --command uptime", "ssh node1 uptime"),
        ("bench.up --only cold --only thaw --runs 5", "bench up --only cold --only thaw --runs 5"),
        ("drain node1 --timeout 90", "drain node1 --timeout 90"),
        ("bundle.export a.tar --chapter one", "bundle export a.tar --chapter one"),
        ("chaos.halt node1 --orderly", "chaos halt node1 --orderly"),
        ("chaos.stop-api --mode push", "chaos stop-api --mode push"),
        # Words that Python keeps for itself.
        ("chaos.partition node1 --from nodes --for 30s",)
        + ("chaos partition node1 --from nodes --for 30s",),
    ],
)
def test_a_task_says_what_one_would_say_to_lab(monkeypatch, typed, line):
    said: list[list[str]] = []
    monkeypatch.setattr(cli, "run", said.append)
    Program(namespace=tasks.namespace).run(f"fab {typed}", exit=False)
    assert said == [line.split()]


def test_every_command_of_lab_is_a_task():
    assert {name.partition(".")[0] for name in tasks.namespace.task_names} == set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up"], "did not receive required positional arguments: 'mode'"),
        (["up", "nonsense"], "Error: unknown mode 'nonsense'\nHint: use one of: push, pull, both"),
        (["ssh", "node9"], "Hint: use one of: api, node1, node2, node3"),
        (["chaos.halt", "node9"], "Hint: use one of: api, node1, node2, node3"),
    ],
)
def test_fab_fails_with_the_words_and_the_exit_code_of_lab(words, said):
    done = fab(*words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_first_task_that_fails_ends_the_line():
    done = fab("up", "nonsense", "up", "rubbish")
    assert "rubbish" not in done.stderr

"""`fab`: the same commands, found under the name that Fabric looks for."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def fab(*words):
    command = [str(Path(sys.executable).with_name("fab")), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_fab_lists_its_tasks():
    listed = fab("--list").stdout
    for name in ("up", "down", "status", "ssh", "logs", "demo", "heal", "test"):
        assert f"\n  {name} " in listed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up"], "did not receive required positional arguments: 'mode'"),
        (["up", "nonsense"], "Error: unknown mode 'nonsense'\nHint: use one of: push, pull, both"),
        (["ssh", "node9"], "Hint: use one of: api, node1, node2, node3"),
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

"""`fab`: the same commands, found under the name that Fabric looks for."""

import subprocess
import sys
from pathlib import Path

import pytest
from invoke.context import Context

import tasks
from lab.fab import words

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
    ("task", "given", "line"),
    [
        ("status", {"json": True}, "status --json"),
        ("demo", {"name": "resilience", "json": True}, "demo resilience --mode both --json"),
        ("doctor", {}, "doctor"),
        ("doctor", {"record": True, "json": True}, "doctor --record --json"),
        ("box.build", {}, "box build"),
        ("box.build", {"verify": True}, "box build --verify"),
        ("box.build", {"renew": True}, "box build --renew"),
        ("box.diff", {"one": "a", "two": "b"}, "box diff a b"),
        ("box.show", {"box": "a", "json": True}, "box show a --json"),
        ("box.sbom", {}, "box sbom"),
        ("box.lock", {}, "box lock"),
        ("bench.up", {"only": []}, "bench up --runs 3"),
        (
            "bench.up",
            {"only": ["cold", "thaw"], "baseline": True},
            "bench up --runs 3 --only cold --only thaw --baseline",
        ),
        ("soak", {}, "soak --cycles 20"),
        (
            "soak",
            {"cycles": 2, "load": 0, "keep_going": True, "json": True},
            "soak --cycles 2 --load 0 --keep-going --json",
        ),
        ("bench.converge", {"runs": 5}, "bench converge --runs 5"),
        ("bench.converge", {"only": "drift"}, "bench converge --runs 3 --only drift"),
        ("events", {"follow": True, "since": 4}, "events --since 4 --follow"),
        ("cordon", {"node": "node1"}, "cordon node1"),
        ("uncordon", {"node": "node1"}, "uncordon node1"),
        ("drain", {"node": "node1", "timeout": 90}, "drain node1 --timeout 90"),
        ("token.rotate", {}, "token rotate"),
        ("token.rotate", {"node": "node2"}, "token rotate node2"),
        ("bundle.export", {"file": "a.tar", "force": True}, "bundle export a.tar --force"),
        (
            "bundle.export",
            {"file": "a.tar", "chapter": ["one", "two"], "no_wheels": True},
            "bundle export a.tar --chapter one --chapter two --no-wheels",
        ),
        ("bundle.show", {"file": "a.tar", "verify": True}, "bundle show a.tar --verify"),
        ("bundle.import", {"file": "a.tar", "force": True}, "bundle import a.tar --force"),
        ("chaos.halt", {"node": "node1"}, "chaos halt node1"),
        ("chaos.halt", {"node": "node1", "orderly": True}, "chaos halt node1 --orderly"),
        ("chaos.stop-api", {"mode": "push"}, "chaos stop-api --mode push"),
        ("chaos.corrupt", {"node": "node2"}, "chaos corrupt node2 --name fake --mode both"),
    ],
)
def test_a_task_says_what_one_would_say_to_lab(monkeypatch, task, given, line):
    said = []
    monkeypatch.setattr(words, "run", lambda command: said.append(command))
    tasks.namespace[task](Context(), **given)
    assert said == [line.split()]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up"], "did not receive required positional arguments: 'mode'"),
        (["up", "nonsense"], "Error: unknown mode 'nonsense'\nHint: use one of: push, pull, both"),
        (["ssh", "node9"], "Hint: use one of: api, node1, node2, node3"),
        (["chaos.halt", "node9"], "Hint: use one of: node1, node2, node3"),
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

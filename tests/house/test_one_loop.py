"""The lesson is what runs: one place in the agent plans and performs, and it is short."""

import ast
import io
import tokenize

import pytest

from tests.house.repository import ROOT, name, tracked

TICK = "services/agent/tick.py"
PUSH = "services/push/push.py"
AGENT = [path for path in tracked("services/agent/*.py") if name(path) != TICK]
# What plans, performs or narrates a pass.
ACTS = {"reconcile", "perform", "record"}
SPAWNS = {"posix_spawn", "fork", "execv", "execve", "system"}
LONGEST = 80


def calls(path):
    """Names of everything that `path` calls, without what is before the last dot."""
    called = [
        node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    ]
    return {
        one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in called
    }


def lines_of_code(text):
    """How many lines of `text` are neither blank, comment nor docstring."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
              tokenize.ENCODING, tokenize.ENDMARKER}  # fmt: skip
    used, begins = set(), True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        docstring = token.type == tokenize.STRING and begins
        if token.type not in silent and not docstring:
            used |= set(range(token.start[0], token.end[0] + 1))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            begins = token.type in silent
    return len(used)


def test_the_pass_plans_performs_and_narrates():
    assert calls(ROOT / TICK) >= ACTS


@pytest.mark.parametrize("path", AGENT, ids=name)
def test_nothing_else_in_the_agent_plans_performs_or_narrates(path):
    assert calls(path) & ACTS == set()
    if path.name != "systemd.py":
        assert calls(path) & SPAWNS == set()
    # Tasks are reconcile's to make.
    assert "Task" not in calls(path)


@pytest.mark.parametrize("file", [TICK, PUSH])
def test_the_two_files_of_the_lesson_are_short(file):
    assert 0 < lines_of_code((ROOT / file).read_text()) < LONGEST


EXAMPLE = '''"""What it is."""

import os  # why


def f():
    """Does.

    More.
    """
    # then
    return (
        1
    )
'''


def test_lines_of_code_are_counted_without_what_only_explains():
    assert lines_of_code(EXAMPLE) == 5

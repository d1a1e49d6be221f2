"""How files look, beyond what linters know."""

import subprocess
import sys

import pytest

from tests.house.repository import ROOT, name, tracked

LONGEST = 250
TEXT = [path for path in tracked("*") if b"\0" not in path.read_bytes()[:1024]]
SCRIPTS = [path for path in TEXT if path.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash"))]


@pytest.mark.parametrize(
    "argv",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]],
    ids=" ".join,
)
def test_linter_is_content(argv):
    done = subprocess.run(
        [sys.executable, "-m", *argv], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short():
    long = {
        name(path): lines
        for path in tracked("*.py", "*.sh")
        if (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert long == {}


def test_no_file_knows_the_machine_that_it_was_written_on():
    # In two pieces: this file is tracked too.
    private = ["/" + top for top in ("work/", "home/", "Users/", "farm/")]
    leaks = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in TEXT
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if any(word in line for word in private)
    ]
    assert leaks == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_shell_script_parses(path):
    shell = "bash" if b"bash" in path.read_bytes().splitlines()[0] else "sh"
    done = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_shell_script_can_be_run(path):
    assert path.stat().st_mode & 0o111, "git update-index --chmod=+x"


def test_every_folder_of_modules_is_a_package():
    """Two folders' conftest.py or equal test names would otherwise be one module."""
    folders = {path.parent for path in tracked("*.py")} - {ROOT}
    assert sorted(name(f) for f in folders if not (f / "__init__.py").exists()) == []

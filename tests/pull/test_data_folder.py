"""A folder of data that cannot be used: one line, a hint, exit code 1, never a traceback."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


def obey_modes():
    """In a child: from its next exec on, file modes count for root too."""
    libc = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def serve(data):
    """Start the server over `data` and stop it again; return exit code and what it said."""
    argv = [sys.executable, "-m", "services.pull", "--data", str(data), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        argv, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=obey_modes
    ) as process:
        assert process.stderr
        said = process.stderr.readline()
        if "listening" in said:
            process.terminate()
        said += process.stderr.read()
    return process.returncode, said


def refused(data):
    code, said = serve(data)
    assert code == 1, said
    lines = said.splitlines()
    assert len(lines) == 2, said
    assert str(data) in lines[0]
    assert lines[1].startswith("hint: ")
    return lines[0]


def locked(path):
    path.mkdir(mode=0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(Path.touch, "not a folder", id="a file"),
        pytest.param(lambda path: path.symlink_to("nowhere"), "not a folder", id="dangling link"),
        pytest.param(lambda path: path.symlink_to(path), "not a folder", id="link to itself"),
        pytest.param(locked, "Permission denied", id="no permission at all"),
        pytest.param(lambda path: path.mkdir(mode=0o300), "Permission denied", id="no reading"),
        pytest.param(lambda path: path.mkdir(mode=0o500), "Permission denied", id="no writing"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named_with_a_hint(tmp_path, make, words):
    make(tmp_path / "data")
    assert words in refused(tmp_path / "data")
    (tmp_path / "data").lstat()  # whatever it is, it was left alone


@pytest.mark.parametrize("make", [Path.touch, locked], ids=["a file", "no permission"])
def test_neither_can_a_folder_below_one(tmp_path, make):
    make(tmp_path / "above")
    refused(tmp_path / "above" / "data")


@pytest.mark.parametrize("how", ["unreadable", "a folder"])
def test_no_file_of_the_data_brings_it_down_with_a_traceback(tmp_path, how):
    data = tmp_path / "data"
    assert serve(data)[0] == 0
    for name in sorted(path.name for path in data.iterdir()):
        file, kept = data / name, tmp_path / name
        if not file.exists():
            continue  # the server tidied up meanwhile
        if how == "a folder":
            file.rename(kept)
            file.mkdir()
        else:
            file.chmod(0)
        code, said = serve(data)
        assert code in (0, 1)
        assert "Traceback" not in said
        assert code == 0 or "hint: " in said
        if file.is_dir():
            file.rmdir()
            kept.rename(file)
        elif file.exists():
            file.chmod(0o600)

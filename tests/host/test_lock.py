"""Two commands that change the lab never run at once."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lab import paths
from lab.terminal import lock
from services.core.errors import LabError


@pytest.fixture(autouse=True)
def run_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "SHARED", tmp_path)


def test_a_second_holder_is_told_who_the_first_is():
    with lock.locked("lab up both"), pytest.raises(LabError) as busy, lock.locked("lab down"):
        pass
    assert f"lab up both (pid {os.getpid()}, from {paths.ROOT})" in str(busy.value)
    assert busy.value.hint


def test_a_second_holder_is_told_for_how_long():
    with lock.locked("lab up both"):
        began_s = time.time() - 100
        os.utime(paths.SHARED / "lock", (began_s, began_s))
        with pytest.raises(LabError, match=r"for 10\d s now"), lock.locked("lab down"):
            pass


def test_the_lock_is_free_again_after_an_error():
    with pytest.raises(ZeroDivisionError), lock.locked("lab up"):
        raise ZeroDivisionError
    with lock.locked("lab down"):
        pass


def test_a_killed_holder_leaves_nothing_locked():
    code = (
        "import os, signal, pathlib, sys; from lab import paths; from lab.terminal import lock; "
        "paths.SHARED = pathlib.Path(sys.argv[1]); "
        "lock.locked('x').__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code, str(paths.SHARED)]
    killed = subprocess.run(command, cwd=paths.ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    with lock.locked("lab down"):
        pass

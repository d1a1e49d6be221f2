"""Progress: one line per phase with its seconds, in place on a terminal."""

import io
import re
import time

import pytest

from lab.terminal.progress import Progress
from lab.terminal.table import render


class Terminal(io.StringIO):
    def isatty(self):
        return True


def clock(*moments):
    remaining = list(moments)
    return lambda: remaining.pop(0) if len(remaining) > 1 else remaining[0]


def test_a_phase_announces_itself_and_ends_with_its_seconds():
    stream = io.StringIO()
    progress = Progress(stream, now_s=clock(0, 1, 1, 8.5, 8.5))
    with progress.phase("boot"):
        pass
    assert stream.getvalue().splitlines() == ["   1.0 s  boot ...", "   8.5 s  boot: 7.5 s"]
    assert progress.seconds == {"boot": 7.5}


def test_a_phase_that_fails_says_so_and_still_counts():
    stream = io.StringIO()
    progress = Progress(stream)
    with pytest.raises(KeyboardInterrupt), progress.phase("boot"):
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("(failed)\n")
    assert "boot" in progress.seconds


def test_a_phase_done_twice_is_summed():
    progress = Progress(io.StringIO(), now_s=clock(0, 0, 0, 2, 2, 5, 5, 6, 6))
    for _ in range(2):
        with progress.phase("copy"):
            pass
    assert progress.seconds == {"copy": 3}


def test_on_a_terminal_the_running_phase_counts_in_place_and_lines_stay_whole():
    stream = Terminal()
    progress = Progress(stream)
    with progress.phase("boot"):
        time.sleep(0.1)
        progress("node1 answers")
    shown = [line.rsplit("\r\x1b[K", 1)[-1] for line in stream.getvalue().split("\n")]
    assert "boot ... 0 s" in stream.getvalue()
    assert re.fullmatch(r" +0\.\d s  node1 answers", shown[0])
    assert re.fullmatch(r" +0\.\d s  boot: 0\.\d s", shown[1])


def test_a_table_is_aligned_and_has_no_trailing_blanks():
    assert render(("name", "state"), [("node1", "on"), ("a", "")]) == "name   state\nnode1  on\na"

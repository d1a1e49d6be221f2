"""Progress: one line per phase with its seconds, in place on a terminal."""

import io
import os
import re
import sys
from contextlib import suppress

import pytest

from lab.terminal.progress import Progress
from lab.terminal.table import render
from lab.waiting import until


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_screen(written):
    """The lines that are left on a terminal, which is as wide as one likes, after `written`."""
    lines, row = [""], 0
    for piece in re.findall(r"\n|\r|\x1b\[[0-9?]*[a-zA-Z]|[^\n\r\x1b]+", written):
        if piece == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif piece == "\x1b[1A":
            row -= 1
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece.isprintable():
            lines[row] += piece
    return [line for line in lines if line]


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
        until(lambda: "boot ... 0 s" in stream.getvalue(), "the counter shows", timeout_s=10)
        progress(f"node1 answers {'x' * 200} [bold]:smile:[/]")
    left = on_screen(stream.getvalue())
    assert re.fullmatch(r" +\d\.\d s  node1 answers x{200} \[bold\]:smile:\[/\]", left[0])
    assert re.fullmatch(r" +\d\.\d s  boot: \d\.\d s", left[1])
    assert len(left) == 2


def test_phases_within_phases_count_on_a_terminal_too():
    stream = Terminal()
    progress = Progress(stream)
    with progress.phase("heal"), progress.phase("boot"):
        until(lambda: "boot ... 0 s" in stream.getvalue(), "the counter shows", timeout_s=10)
    boot, heal = on_screen(stream.getvalue())
    assert "boot: " in boot
    assert "heal: " in heal
    assert stream.getvalue().rpartition("\x1b[?25")[2].startswith("h"), "the cursor is back"


def test_without_rich_a_terminal_gets_plain_lines(monkeypatch):
    """`make venv` from a bundle: there is nothing but the standard library yet."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = Terminal()
    with Progress(stream, now_s=clock(0, 1, 1, 8.5, 8.5)).phase("verify"):
        pass
    assert stream.getvalue().splitlines() == ["   1.0 s  verify ...", "   8.5 s  verify: 7.5 s"]


def test_a_table_is_aligned_and_has_no_trailing_blanks():
    assert render(("name", "state"), [("node1", "on"), ("a", "")]) == "name   state\nnode1  on\na"


WIDE = [("qemu", "ok", "a [bold]detail[/] of :several: words"), ("nc", "lacks", "x" * 80)]


@pytest.mark.parametrize("width", [40, 60])
def test_a_table_that_is_too_wide_is_folded_and_nothing_is_cut(width):
    lines = render(("needs", "", "detail"), WIDE, width).splitlines()
    assert max(map(len, lines)) <= width
    joined = "".join(line[14:] for line in lines)
    assert "a [bold]detail[/]" in " ".join(line[14:] for line in lines)
    assert joined.count("x") == 80


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_on_a_terminal_a_table_is_as_wide_as_that(monkeypatch, terminal):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setenv("COLUMNS", "50")
    assert max(map(len, render(("needs", "", "detail"), WIDE).splitlines())) == 50


@pytest.mark.parametrize("colour", ["", "FORCE_COLOR", "NO_COLOR"])
def test_in_a_pipe_a_row_is_one_line_without_colour(monkeypatch, colour):
    monkeypatch.setenv(colour or "NOTHING", "1")
    monkeypatch.setenv("COLUMNS", "50")
    lines = render(("needs", "", "detail"), WIDE).splitlines()
    assert lines[1:] == [
        "qemu   ok     a [bold]detail[/] of :several: words",
        f"nc     lacks  {'x' * 80}",
    ]


def test_what_is_under_way_goes_on_where_nothing_reads_its_lines_any_more():
    reader, writer = os.pipe()
    os.close(reader)
    done = []
    with os.fdopen(writer, "w") as stream:
        with Progress(stream).phase("undo"):
            done.append("undone")
        with suppress(BrokenPipeError):
            stream.close()
    assert done == ["undone"]

"""`lab watch`: the view as text of 80 columns."""

import pytest

from lab.stage.differences import GRACE_S
from lab.stage.screen import WIDTH, text
from tests.stage.made import Made, heard, shown


def screen(made, now_s):
    return text(shown(made, now_s), now_s)


def running(mode="pull"):
    made = Made(modes=(mode,)).wanted(1, "a", mode=mode).runs(1, "node1", "a", mode=mode)
    made.runs(1, "node2", mode=mode).runs(1, "node3", mode=mode)
    return heard(made.claims(2, {"a": "node1"}, mode=mode), 2, "api", "node1", "node2", "node3")


def row(said, node):
    (found,) = [line for line in said.splitlines() if f"  {node}  " in line]
    return found.split()


def test_before_the_first_record_it_says_what_it_waits_for():
    assert text({}, 0) == "waiting for the first record ..."


def test_desired_stands_beside_observed():
    said = screen(running(), 2)
    assert row(said, "node1") == ["pull", "node1", "?", "a", "a"]
    assert row(said, "node2") == ["pull", "node2", "?", "none", "none"]
    assert said.startswith("RECORDED, made, 2 s\n")
    assert "pull: wanted a" in said


def test_push_has_no_list():
    assert row(screen(running("push"), 2), "node1")[3:] == ["(no", "list)", "a"]


def test_a_machine_that_is_not_heard_says_for_how_long():
    made = heard(running(), 12, "api", "node2", "node3").machine(12, "node1", "running")
    said = screen(made, 12)
    assert "running, silent 10 s" in said
    assert row(said, "node1")[-2:] == ["?", "a"]


def test_what_a_paused_machine_had_stands_still():
    said = screen(running().machine(3, "node1", "paused"), 4)
    assert "(stands still: a)" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda made: made.runs(3, "node1"), "pull: a runs nowhere"),
        (lambda made: made.runs(3, "node2", "a"), "pull: a runs on node2, and elsewhere"),
        (
            lambda made: made.fault(3, "node2", "acted").runs(3, "node2", "x"),
            "pull: x runs on node2, and is not wanted",
        ),
        (lambda made: made.runs(3, "node1"), "pull: the API lists a on node1, where it does not"),
        (lambda made: made.machine(3, "node2", "off"), "pull: node2 is off, and the API takes it"),
        (
            lambda made: made.put(
                3, "claims", mode="pull", ok=False, containers=[], nodes={}, error="refused"
            ),
            "pull: the API does not answer: refused",
        ),
        (lambda made: made.fault(3, "node2", "bitten"), "cut on node2: bitten, 3 s"),
    ],
)
def test_what_differs_is_said_in_words(change, words):
    made = heard(change(running()), 3 + GRACE_S)
    assert words in screen(made, 3 + GRACE_S)


def test_it_fits_a_terminal_of_80_columns():
    made = running().wanted(3, *(f"container-{number}" for number in range(40)))
    made.runs(3, "node1", *(f"container-{number}" for number in range(40)))
    table = screen(heard(made, 3), 3).split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= WIDTH


def test_an_end_and_damage_are_said():
    made = running()
    made.end(5, why="interrupted")
    view = shown(made, 6)
    view["run"]["damage"] = ["line 7: its checksum"]
    said = text(view, 6)
    assert "ended: interrupted" in said
    assert "damaged: line 7: its checksum" in said

"""The last minutes as bars: the same as the report's, and as few records as they need."""

import pytest

from lab.experiment.check.timeline import build
from lab.report.bars import bars
from lab.stage.fold import SILENT_S
from lab.stage.window import WINDOW_S, Window, begin_s
from tests.experiment.histories import healed, lost
from tests.stage.made import Made, heard, shown


def placed():
    """`a` is wanted, and runs on node1."""
    made = Made().wanted(0, "a").runs(0, "node1", "a")
    return made.runs(0, "node2").runs(0, "node3")


def lane(made, now_s, node="node1", mode="pull"):
    return [tuple(strip) for strip in shown(made, now_s).get(f"bars/{mode}/{node}", [])]


@pytest.mark.parametrize("make", [healed, lost])
def test_the_bars_are_those_of_the_report(make):
    made = make()
    history = made.end(40)
    timeline = build(history)
    timeline = timeline._replace(from_s=0.0, to_s=timeline.end_s)
    of_report = {(b.mode, b.lane, b.name, b.what, round(b.from_s, 2)) for b in bars(timeline)}
    view = shown(made, 41)
    ours = {
        (*key.split("/")[1:], name, what, from_s)
        for key, strips in view.items()
        if key.startswith("bars/") and key != "bars/faults"
        for name, what, from_s, _ in strips
    }
    assert ours
    assert ours == of_report


def test_what_goes_on_has_no_end_and_what_ended_has_one():
    made = heard(placed(), 9)
    assert lane(made, 10) == [("a", "runs", 0, None)]
    made = heard(made.runs(12, "node1"), 13)
    assert lane(made, 14) == [("a", "runs", 0, 12), ("a", "gone", 12, None)]


def test_bars_that_go_on_stay_as_they_are_while_nothing_happens():
    made = heard(placed(), 9)
    before = lane(made, 10)
    assert lane(heard(made, 11), 12) == before


def test_that_nothing_is_known_is_drawn_only_once_it_lasts():
    made = heard(placed(), 9)
    heard(made, 9 + SILENT_S, "node2", "node3")
    assert lane(made, 9 + SILENT_S) == [("a", "runs", 0, None)]
    heard(made, 12 + SILENT_S, "node2", "node3")
    found = lane(made, 12 + SILENT_S)
    assert ("a", "runs", 0, 9) in found
    assert ("node1", "unknown", 9, None) in found


def test_a_machine_that_is_off_goes_on_being_off():
    made = heard(placed(), 9)
    made.machine(10, "node1", "off")
    heard(made, 30, "node2", "node3")
    found = lane(made, 30)
    assert ("node1", "off", 10, None) in found
    assert ("a", "gone", 10, None) in found


def test_what_ran_on_a_machine_ends_when_its_plug_is_pulled():
    made = heard(placed(), 9).looked(10, "node1").machine(10, "node1", "off")
    heard(made, 12, "node2", "node3")
    assert [strip[3] for strip in lane(made, 12) if strip[:2] == ("a", "runs")] == [10]


def test_the_window_forgets_what_is_old_and_keeps_what_still_holds():
    made = Made().wanted(1, "a", "b").runs(1, "node1", "a").runs(1, "node2", "b").runs(1, "node3")
    heard(made, 2)
    for number in range(600):
        heard(made, 2 + number, "node1", "node3")
        made.claims(2 + number, {"a": "node1"})
        if number == 20:
            made.runs(22, "node2")
        if number > 20:
            made.looked(2 + number, "node2")
    now_s = 601.0
    from_s = begin_s(now_s)
    assert now_s - WINDOW_S - 30 < from_s <= now_s - WINDOW_S
    assert lane(made, now_s)[0][:2] == ("a", "runs")
    # Where it ran last is where its absence is drawn, though that was long ago.
    assert [strip[:2] for strip in lane(made, now_s, "node2")] == [("b", "gone")]
    window = Window()
    for record in made.records:
        window.add(record)
    assert len(window.records) < 250


def test_records_without_sense_have_no_bars():
    made = heard(Made().runs(1, "node1", "a"), 2)
    made.put(3, "claims", mode="pull", containers=[["a", "node1", "more"]], running=[], nodes={})
    assert shown(made, 4)["bars/faults"] == []

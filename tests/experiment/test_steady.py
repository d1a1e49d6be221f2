"""The steady state before the fault: what it takes, and that nothing is hurt without it."""

import pytest

from lab.history.history import read
from services.core.errors import LabError
from tests.experiment.doubles import play


def test_traffic_is_counted_around_the_first_orders_and_before_the_fault(world, tmp_path):
    play(tmp_path)
    kinds = ("wanted", "note", "fault")
    said = [r.fields.get("text", r.kind) for r in read(tmp_path).records if r.kind in kinds]
    orders = ["wanted"] * 4
    steady = ["counted changed", "asked at once", "counted idle"]
    assert said == ["counted before", *orders, *steady, "fault", "asked at once"]


def test_a_lab_that_is_not_steady_is_not_hurt(world, tmp_path, monkeypatch):
    monkeypatch.setattr(world, "start", lambda *_: None)
    with pytest.raises(LabError, match=r"steady state did not come.*run-once in push"):
        play(tmp_path)
    assert not [line for line in world.log if line.startswith("cut")]


def test_containers_that_do_not_answer_are_not_hurt(world, tmp_path):
    world.hangs = {"run-2"}
    with pytest.raises(LabError, match=r"steady state did not come.*reachable in push"):
        play(tmp_path)
    assert not [line for line in world.log if line.startswith("cut")]

"""A long poll over a server and a clock that move only when a test says so."""

import pytest

from services.agent.longpoll import LongPoll
from tests.agent.fake_lab import RUNS, FakeLab, NotedPlane


@pytest.fixture
def lab():
    return FakeLab()


@pytest.fixture
def plane(lab, tmp_path):
    return NotedPlane(lab, tmp_path, now_s=lab.clock)


@pytest.fixture
def poll(lab, plane):
    made = LongPoll(
        plane, tick_s=1, until_s=200, now_s=lab.clock, pause=lab.pause, chance=lambda: 0.0
    )
    made.desired(RUNS)
    made.report(RUNS)
    return made

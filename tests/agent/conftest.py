"""A long poll over a server and a clock that move only when a test says so."""

import pytest

from services.agent.local_state import LocalState
from services.agent.longpoll import LongPoll
from services.agent.memory import Memory
from services.agent.plane import Plane
from tests.agent.fake_lab import RUNS, FakeLab


@pytest.fixture
def lab():
    return FakeLab()


@pytest.fixture
def plane(lab, tmp_path):
    told: list[str] = []
    memory = Memory(str(tmp_path), str(tmp_path), "", told.append)
    made = Plane(lab, LocalState(memory, lab.clock), told.append)
    made.told = told
    return made


@pytest.fixture
def poll(lab, plane):
    made = LongPoll(
        plane, tick_s=1, until_s=200, now_s=lab.clock, pause=lab.pause, chance=lambda: 0.0
    )
    made.desired(RUNS)
    made.report(RUNS)
    return made

"""How long an experiment waits for each mode."""

import pytest

from lab.experiment.timing import Deadlines, healing_s
from services.core.profiles import PROFILES

DEADLINES = Deadlines(expected_s=3, limit_s=30)


@pytest.mark.parametrize(
    ("modes", "pull_s", "elapsed_s", "enough"),
    [
        pytest.param(["pull"], None, 29, False, id="pull has until the limit"),
        pytest.param(["pull"], None, 30, True, id="then it is given up"),
        pytest.param(["pull"], 1, 1, True, id="pull alone ends when it is done"),
        pytest.param(["push"], None, 8.9, False, id="push is observed for three expectations"),
        pytest.param(["push"], None, 9, True, id="and no longer"),
        pytest.param(["push", "pull"], 5, 14.9, False, id="beside a slow pull: three times that"),
        pytest.param(["push", "pull"], 5, 15, True, id="three times what pull took"),
        pytest.param(["push", "pull"], 1, 8.9, False, id="a quick pull shortens nothing"),
        pytest.param(["push", "pull"], None, 15, False, id="push waits for pull's limit"),
    ],
)
def test_when_to_stop_watching(modes, pull_s, elapsed_s, enough):
    assert DEADLINES.enough(modes, pull_s, elapsed_s) is enough


def test_the_seed_expects_its_own_loops():
    assert healing_s(PROFILES["seed"]) >= 15 + 10 + 5 + 5
    assert healing_s(PROFILES["fast"]) < 15

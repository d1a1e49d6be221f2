"""Statistics, their table, and what systemd says about a pass."""

import json

import pytest

from lab.bench import converge
from lab.bench.idle import Pass, progress, rates
from lab.bench.stats import Summary, by_name, number, ratio, summary
from lab.commands import bench


def test_a_summary_is_median_and_range():
    assert summary([3.0, 1.0, 8.0]) == Summary(3, 3.0, 1.0, 8.0)
    assert summary([1.0, 2.0]) == Summary(2, 1.5, 1.0, 2.0)


def test_nothing_measured_is_not_zero():
    assert summary([]) is None
    assert ratio(None, summary([1.0])) is None
    assert ratio(summary([1.0]), summary([0.0])) is None
    assert number(None, "x") == "-"


def test_a_ratio_is_of_medians():
    assert ratio(summary([30.0, 10.0, 20.0]), summary([5.0, 4.0, 90.0])) == 4.0


def test_runs_are_gathered_by_phase_even_if_one_lacks_it():
    assert by_name([{"boot": 1.0, "copy": 2.0}, {"boot": 3.0}]) == {
        "boot": [1.0, 3.0],
        "copy": [2.0],
    }


@pytest.mark.parametrize(
    ("value", "said"), [(0.1234, "0.12"), (12.34, "12.3"), (123.4, "123"), (0.0, "0.00")]
)
def test_numbers_have_three_figures(value, said):
    assert number(value) == said


STARTED = "InactiveExitTimestampMonotonic=12500000\n"


@pytest.mark.parametrize(
    ("shown", "passes"),
    [
        (f"InvocationID=ab\nCPUUsageNSec=210500000\n{STARTED}", {"ab": Pass(12.5, 0.2105)}),
        (f"InvocationID=ab\nCPUUsageNSec=[not set]\n{STARTED}", {}),
        (f"InvocationID=ab\nCPUUsageNSec=18446744073709551615\n{STARTED}", {}),
        ("InvocationID=ab\nCPUUsageNSec=1\n", {}),
    ],
)
def test_only_a_pass_that_was_accounted_counts(shown, passes):
    assert progress(shown) == passes


def test_what_an_agent_costs_counts_from_start_to_start():
    """A pass a second of 0.2 s CPU, and one of ten seconds of 0.5 s: 12 s a minute against 3."""
    assert rates([Pass(10, 0.2), Pass(11, 0.2)]) == pytest.approx([12])
    assert rates([Pass(10, 0.5), Pass(20, 0.7), Pass(30, 0.1)]) == pytest.approx([3, 4.2])
    assert rates([Pass(10, 0.5)]) == []


RESULTS = {
    "drift -> corrected (s)": {"seed": summary([6.0, 4.0]), "fast": summary([1.0])},
    "idle agent (CPU s per minute)": {"seed": None, "fast": summary([200.0])},
}


def test_convergence_as_text_and_as_json():
    text = bench.as_text(RESULTS).splitlines()
    assert text[1].split()[-3:] == ["5.00", "1.00", "5.00x"]
    assert text[2].split()[-3:] == ["-", "200", "-"]
    data = json.loads(json.dumps(bench.as_data(RESULTS)))
    assert data["drift -> corrected (s)"]["ratio"] == 5.0
    assert data["drift -> corrected (s)"]["seed"]["median"] == 5.0


def test_the_command_offers_the_measurements_that_exist():
    assert tuple(converge.TITLES) == bench.MEASUREMENTS
    assert converge.MEASURES.keys() | {converge.IDLE} == converge.TITLES.keys()

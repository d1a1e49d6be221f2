"""`lab bench container`: the script that runs in the guest, with a systemctl that takes notes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.bench import container, starting
from lab.bench.stats import summary
from lab.commands.bench_container import as_text
from provisioning import topology
from provisioning.guest import tree
from services.core.profiles import profile

TEMPLATE = tree.files(topology.load(), profile("fast"))[container.TEMPLATE[1:]].text
FAILING = '[ "$1 $2" = "start lab-bench-demo.service" ] && exit 3\n'


@pytest.fixture
def guest(tmp_path):
    """Run the script as `measure` does; return its result, and what it asked of systemctl."""
    units = tmp_path / "units"
    units.mkdir()
    (tmp_path / "template").write_text(TEMPLATE)
    calls = tmp_path / "calls"

    def run(script=""):
        systemctl = tmp_path / "systemctl"
        systemctl.write_text(f'#!/bin/sh\necho "$*" >>{calls}\n{script}exit 0\n')
        systemctl.chmod(0o755)
        places = [str(path) for path in (tmp_path / "template", systemctl, units)]
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-", "2", *places],
            input=Path(starting.__file__).read_text(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert list(units.iterdir()) == [], "it removes its units"
        return done, calls.read_text().splitlines()

    return run


def test_each_kind_is_started_in_turn_and_the_warm_up_is_not_counted(guest):
    done, calls = guest()
    took_s = json.loads(done.stdout)
    assert {kind: len(values) for kind, values in took_s.items()} == dict.fromkeys(
        starting.KINDS, 2
    )
    started = [call for call in calls if call.startswith("start")]
    assert started == [f"start {starting.unit(kind)}" for kind in starting.KINDS] * 3
    assert (calls[0], calls[-1]) == ("daemon-reload", "daemon-reload")


def test_a_start_that_fails_is_said_and_leaves_no_unit(guest):
    done, calls = guest(FAILING)
    assert done.returncode == 1
    assert "start lab-bench-demo.service: exit code 3" in done.stderr
    assert calls[-2:] == [
        "stop lab-bench-bare.service lab-bench-empty.service lab-bench-demo.service",
        "daemon-reload",
    ]


def test_measured_units_are_containers_but_for_their_mode():
    texts = starting.texts(TEMPLATE)
    for kind in (starting.EMPTY, starting.DEMO):
        lines = texts[kind].splitlines()
        assert "DynamicUser=yes" in lines
        assert f"RuntimeDirectory=lab-bench-{kind}" in lines
        assert not [line for line in lines if line.startswith(("PartOf", "Requisite", "Slice"))]
    assert "Type=notify" in texts[starting.DEMO]
    assert "Type=notify" not in texts[starting.EMPTY]
    assert "DynamicUser" not in texts[starting.BARE]


def test_table_has_median_and_range():
    text = as_text({"demo container": summary([0.2, 0.3, 0.25])})
    assert text.splitlines()[1].split()[-2:] == ["0.25", "0.20-0.30"]

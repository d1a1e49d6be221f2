"""What a running machine is told after its files changed."""

import subprocess

import pytest

from provisioning.guest import setup
from provisioning.guest.tree import UNITS

STOP = ["systemctl", "stop", *setup.PASSES]
RELOAD = ["systemctl", "daemon-reload"]
APIS = ["systemctl", "try-restart", "pull-api.service", "push-api.service"]


@pytest.mark.parametrize(
    ("changed", "code", "told"),
    [
        pytest.param([], False, [], id="nothing changed"),
        pytest.param([], True, [STOP, APIS], id="new code: no pass watches on with the old"),
        pytest.param(["etc/lab/profile.env"], False, [STOP, APIS], id="a profile counts as code"),
        pytest.param(
            ["etc/lab/profile.env", f"{UNITS}/pull-agent.timer.d/profile.conf"],
            False,
            [STOP, RELOAD, [*APIS[:2], "pull-agent.timer", *APIS[2:]]],
            id="passes are stopped before the reload, which makes timers start some",
        ),
        pytest.param(
            [f"{UNITS}/pull-agent.timer.d/profile.conf"],
            False,
            [RELOAD, ["systemctl", "try-restart", "pull-agent.timer"]],
            id="a timer begins its new period",
        ),
        pytest.param(
            [f"{UNITS}/pull-container@.service"], False, [RELOAD], id="containers go on running"
        ),
        pytest.param(
            [f"{UNITS}/pull-leaving.service"],
            False,
            [RELOAD],
            id="the goodbye is not said for a new unit file",
        ),
    ],
)
def test_systemd_is_told_what_it_must_know_and_no_more(monkeypatch, changed, code, told):
    said = []
    monkeypatch.setattr(subprocess, "run", lambda argv, check: said.append(argv))
    setup.tell_systemd(changed, code_changed=code)
    assert said == told

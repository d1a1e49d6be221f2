"""Users and sandboxes of the services, and what the long-lived ones tell of themselves."""

import json
import re

import pytest

from lab.bench import phase
from lab.bench.playground import Playground as Scene
from lab.host.speed import deadline_s
from services.core.profiles import PROFILES
from tests.house.test_exposure import EXPOSURE
from tests.vm.conftest import cursor, journal, run

pytestmark = pytest.mark.vm

FAST = PROFILES["fast"]
API = re.compile(r"(push-api|pull-(api|scheduler|node-controller)|lab-clock-api)\.service")


@pytest.mark.parametrize("machine", ["api", "node1"])
def test_no_service_is_more_exposed_than_it_was(hosts, machine, capsys):
    on_api = {unit for unit in EXPOSURE if API.match(unit)}
    units = sorted(on_api if machine == "api" else EXPOSURE.keys() - on_api)
    names = " ".join(unit.replace("@.", "@web.") for unit in units)
    shown = hosts[machine].check_output(f"LC_ALL=C systemd-analyze security --no-pager {names}")
    found = dict(re.findall(r"Overall exposure level for (\S+): ([0-9.]+)", shown))
    levels = {unit.replace("@web.", "@."): float(level) for unit, level in found.items()}
    with capsys.disabled():
        print(f"\nsystemd-analyze security on {machine} (0: safe, 10: unsafe)")
        for unit, level in sorted(levels.items(), key=lambda pair: pair[1]):
            print(f"  {level:4.1f}  {unit}")
    assert sorted(levels) == units
    worse = {unit: level for unit, level in levels.items() if level > EXPOSURE[unit]}
    assert worse == {}


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_an_api_runs_as_its_own_user_with_no_capability_and_owns_its_files(hosts, mode):
    host = hosts["api"]
    pid = host.check_output("systemctl show -P MainPID %s-api.service", mode)
    status = host.check_output("cat /proc/%s/status", pid)
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    user = host.user(f"lab-{mode}")
    assert set(fields["Uid"].split()) == {str(user.uid)}
    assert user.shell.endswith("nologin")
    assert int(fields["CapEff"], 16) == 0
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    if mode == "pull":
        state = host.file("/var/lib/lab-pull")
        assert (state.user, state.mode) == ("lab-pull", 0o700)
        limits = host.check_output("cat /proc/%s/limits", pid).splitlines()
        assert ["Max", "open", "files", "8192"] in [line.split()[:4] for line in limits]


@pytest.mark.parametrize("port", [8080, 8081])
def test_an_api_says_how_it_is_and_what_it_can(lab, port):
    base = f"http://localhost:{port}"
    for path in ("/healthz", "/readyz"):
        assert json.loads(run("curl", "-sf", base + path).stdout)["status"]
    document = json.loads(run("curl", "-sf", f"{base}/openapi.json").stdout)
    assert document["openapi"].startswith("3.")
    metrics = run("curl", "-sf", f"{base}/metrics").stdout
    assert re.search(r"^# TYPE \w+ (counter|gauge|histogram)$", metrics, re.MULTILINE)
    assert not re.search(r"^pu(sh|ll)_\S+ NaN$", metrics, re.MULTILINE)


def test_drift_is_noticed_at_once_while_a_pass_watches(hosts, stage, lab):
    """200 ms with KVM, from systemd's start of the stray to the agent's plan, by one clock."""
    node = lab.nodes[1]
    host = hosts[node.name]
    unit = "pull-container@stray.service"
    scene = Scene(lab, FAST, print)
    # Not between two passes, where nobody looks for the length of a timer's period.
    phase.await_phase(scene, node, "pull-agent.service", 0.3, FAST.agent_s)
    since = cursor(host)
    host.check_output("systemctl start --no-block %s", unit)
    stage.wait(lambda: "stray" not in stage.where("pull"), "the agent stops the stray")

    def told() -> dict[str, float]:
        lines = journal(host, unit, "pull-agent.service", cursor=since)
        words = {"Starting": "start", "RECONCILIATION": "plan", "Stopped": "end"}
        return {name: at_s for at_s, line in lines for word, name in words.items() if word in line}

    stage.wait(lambda: told().keys() >= {"start", "plan", "end"}, "the journal tells it all")
    at_s = told()
    print(
        f"noticed after {at_s['plan'] - at_s['start']:.3f} s, gone after "
        f"{at_s['end'] - at_s['start']:.3f} s"
    )
    assert at_s["plan"] - at_s["start"] < deadline_s(0.2)

"""What every machine is: units, timers, sandboxes, clocks, keys."""

import json

import pytest

from lab.host import keys, settings
from services.core.profiles import PROFILES
from tests.vm.conftest import run

pytestmark = pytest.mark.vm

FAST = PROFILES["fast"]
ON_API = {
    "push-api.service",
    "pull-api.service",
    "pull-scheduler.timer",
    "pull-node-controller.timer",
}
ON_NODES = {"pull-agent.timer", "pull-leaving.service"}
MACHINES = ("api", "node1", "node2", "node3")


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_runs_what_its_role_says_and_nothing_failed(hosts, name):
    host = hosts[name]
    ours, others = (ON_API, ON_NODES) if name == "api" else (ON_NODES, ON_API)
    assert [unit for unit in sorted(ours) if not host.service(unit).is_running] == []
    assert [unit for unit in sorted(others) if host.service(unit).is_running] == []
    failed = host.check_output("systemctl list-units --state=failed --plain --no-legend")
    assert failed == ""


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_knows_its_name_its_address_and_the_others(hosts, lab, name):
    host = hosts[name]
    assert host.check_output("hostname") == name
    assert lab.machine(name).address in host.interface("eth1").addresses
    for machine in lab.machines:
        found = host.check_output("getent ahostsv4 %s", machine.name).split()[0]
        # nss-myhostname may answer for a machine's own name.
        assert found in (
            [machine.address, "127.0.0.2"] if machine.name == name else [machine.address]
        )


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_has_no_route_out(hosts, name):
    assert "default" not in hosts[name].check_output("ip route show")


@pytest.mark.parametrize("name", MACHINES)
def test_the_host_key_is_the_one_that_was_made_for_this_lab(hosts, name):
    (shown,) = [
        line
        for line in hosts[name].check_output("ssh-keyscan -t ed25519 127.0.0.1").splitlines()
        if not line.startswith("#")
    ]
    known = (keys.KEYS / f"host-{name}.pub").read_text()
    assert shown.split()[1:3] == known.split()[:2]


def test_a_machine_with_another_host_key_is_refused(lab, tmp_path):
    config = settings.SSH_CONFIG.read_text().replace(
        str(keys.KNOWN_HOSTS), str(tmp_path / "known_hosts")
    )
    (tmp_path / "config").write_text(config)
    wrong = " ".join((keys.KEYS / "user.pub").read_text().split()[:2])
    (tmp_path / "known_hosts").write_text(f"node1 {wrong}\n")
    asked = run("ssh", "-F", str(tmp_path / "config"), "node1", "true", check=False)
    assert asked.returncode == 255
    assert "verification failed" in asked.stderr


def test_ssh_takes_no_password(hosts):
    settings = hosts["node1"].check_output("sshd -T").splitlines()
    assert "passwordauthentication no" in settings
    assert "permitrootlogin without-password" in settings


def test_the_agents_timer_follows_the_profile(hosts):
    timer = hosts["node1"].service("pull-agent.timer")
    shown = hosts["node1"].check_output("systemctl show %s", timer.name)
    assert f"OnUnitInactiveUSec={FAST.agent_s * 1000:g}ms" in shown
    assert "AccuracyUSec=25ms" in shown


def test_an_agents_pass_succeeds_and_runs_again(hosts, stage):
    def passes() -> int:
        show = "systemctl show -P ExecMainStartTimestampMonotonic pull-agent.service"
        return int(hosts["node1"].check_output(show))

    first = passes()
    stage.wait(lambda: passes() > first > 0, "the agent's timer starts another pass")
    show = "systemctl show -P Result pull-agent.service"
    assert hosts["node1"].check_output(show) == "success"


def test_the_node_controller_hears_every_machine(hosts, stage, lab):
    """It may open its socket, in its sandbox and by the kernel's rule."""
    if settings.load().accel.name == "kvm":
        pytest.skip("where the lease is not stretched machines are not asked")

    def heard():
        memory = json.loads(hosts["api"].check_output("cat /run/lab-node-controller/memory.json"))
        assert memory["trouble"] == ""
        return memory["silent_s"].keys()

    stage.wait(lambda: heard() == {node.address for node in lab.nodes}, "all machines answer")


@pytest.mark.parametrize(
    ("unit", "user"),
    [
        ("push-api.service", "User=lab-push"),
        ("pull-api.service", "User=lab-pull"),
        ("pull-scheduler.service", "DynamicUser=yes"),
        ("pull-node-controller.service", "DynamicUser=yes"),
    ],
)
def test_a_service_of_the_api_machine_is_sandboxed(hosts, unit, user):
    names = "User,DynamicUser,ProtectSystem,NoNewPrivileges,CapabilityBoundingSet"
    shown = hosts["api"].check_output("systemctl show -p %s %s", names, unit).splitlines()
    assert user in shown
    assert "ProtectSystem=strict" in shown
    assert "NoNewPrivileges=yes" in shown
    assert "CapabilityBoundingSet=" in shown


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_a_container_is_a_sandboxed_service_in_the_slice_of_its_mode(hosts, stage, mode):
    if mode == "push":
        stage.push.start("probe", "node2")
    else:
        stage.pull.declare("probe")
    stage.wait_running(mode, {"probe"})
    (node,) = stage.where(mode)["probe"]
    host = hosts[node]
    unit = f"{mode}-container@probe.service"
    shown = host.check_output("systemctl show %s", unit).splitlines()
    for line in (
        f"Slice={mode}.slice",
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateDevices=yes",
        "NoNewPrivileges=yes",
        "MemoryMax=67108864",
        "TasksMax=16",
        "UnitFileState=static",
    ):
        assert line in shown
    pid = host.check_output("systemctl show -P MainPID %s", unit)
    # Asked of the kernel, not of systemd: no capability is left, and it is not root.
    status = host.check_output("cat /proc/%s/status", pid)
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert int(fields["CapEff"], 16) == 0
    assert "0" not in fields["Uid"].split()
    port = host.check_output("cat /run/%s-container/probe/ready", mode)
    answer = json.loads(host.check_output("curl -s http://127.0.0.1:%s/", port))
    assert {key: answer[key] for key in ("name", "mode", "node", "image")} == {
        "name": "probe",
        "mode": mode,
        "node": node,
        "image": "demo",
    }


@pytest.mark.parametrize("mode", ["push", "pull"])
def test_the_nginx_image_is_the_real_nginx(hosts, stage, mode):
    body = {"name": "web", "image": "nginx"}
    path = "/container/start" if mode == "push" else "/api/containers"
    api = stage.push if mode == "push" else stage.pull
    api.request("POST", path, body, read_s=120)
    stage.wait_running(mode, {"web"})
    (node,) = stage.where(mode)["web"]
    port = hosts[node].check_output("cat /run/%s-container/web/ready", mode)
    assert "Server: nginx" in hosts[node].check_output("curl -si http://127.0.0.1:%s/", port)
    pid = hosts[node].check_output("systemctl show -P MainPID %s-container@web.service", mode)
    assert hosts[node].check_output("cat /proc/%s/comm", pid) == "nginx"


def test_push_is_not_reachable_from_the_labs_network(hosts, lab):
    refused = 7  # curl(1): failed to connect
    asked = hosts["node1"].run("curl -s -m 20 http://%s:8080/healthz", lab.api.address)
    assert asked.rc == refused
    assert hosts["node1"].run("curl -s -m 20 http://%s:8081/healthz", lab.api.address).rc == 0

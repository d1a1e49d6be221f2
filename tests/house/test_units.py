"""Rules for our systemd units, in the form in which the guest gets them."""

import os
import re
import shutil
import subprocess
from collections import defaultdict

import pytest

from provisioning import topology
from provisioning.guest import setup, tree, users
from services.core.profiles import PROFILES, profile
from tests.house.repository import ROOT

LAB = topology.load()
INSTALLED = tree.files(LAB, profile("seed"))
FOLDER = f"{tree.UNITS}/"
UNITS = {
    path.removeprefix(FOLDER): file.text
    for path, file in INSTALLED.items()
    if path.startswith(FOLDER) and "/" not in path.removeprefix(FOLDER)
}
SERVICES = sorted(unit for unit in UNITS if unit.endswith(".service"))
TIMERS = sorted(unit for unit in UNITS if unit.endswith(".timer"))
# What runs for every user's request or all the time, and is not root's business.
CONTAINERS = ["pull-container@.service", "push-container@.service"]
# What may have to be ended in the middle of a pass; beside its watch a pass may take this long.
PASSES = sorted(timer.replace(".timer", ".service") for timer in TIMERS)
BESIDE_THE_WATCH_S = 20
# Says goodbye for the machine, so leaving the mode must not stop it.
GOODBYE = "pull-leaving.service"
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not here"
)


def read(text):
    """Section -> directive -> its values, in order."""
    sections: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and line[0] not in "#;":
            key, separator, value = line.partition("=")
            assert separator, f"not a directive: {line!r}"
            sections[section][key].append(value)
    return sections


def seconds(text):
    return float(text.removesuffix("ms")) / 1000 if text.endswith("ms") else float(text.strip("s"))


@pytest.mark.parametrize("unit", UNITS)
def test_unit_says_what_it_is(unit):
    assert read(UNITS[unit])["Unit"]["Description"] != []


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_is_left_to_fill_in(unit):
    assert not re.search("@[A-Z]+@", UNITS[unit])


@pytest.mark.parametrize("mode", tree.MODES)
def test_a_door_lets_the_host_in_alone(mode):
    socket = read(UNITS[f"{mode}-door.socket"])["Socket"]
    assert socket["ListenStream"] == [f"{LAB.api.management}:{LAB.ports[mode]}"]
    assert socket["BindToDevice"] == ["eth0"]
    assert socket["IPAddressDeny"] == ["any"]
    assert socket["IPAddressAllow"] == [LAB.management_network.gateway]
    assert f"{mode}-door.socket" in UNITS[f"{mode}.target"]


@pytest.mark.parametrize("service", SERVICES)
def test_oneshot_has_a_time_limit(service):
    sections = read(UNITS[service])["Service"]
    if sections["Type"] == ["oneshot"]:
        # The default is none, and a timer never fires again while its service hangs.
        assert seconds(sections["TimeoutStartSec"][0]) <= 60


@pytest.mark.parametrize("service", [s for s in SERVICES if "services." in UNITS[s]])
def test_service_runs_a_module_that_exists(service):
    sections = read(UNITS[service])["Service"]
    (command,) = sections["ExecStart"] + sections["ExecStop"]
    (module,) = re.findall(r"(?:-m|from) (services\.\S+)", command)
    path = ROOT / module.replace(".", "/")
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("timer", TIMERS)
def test_timer_keeps_its_period(timer, name):
    drop_in = tree.files(LAB, profile(name))[f"{FOLDER}{timer}.d/profile.conf"]
    merged = read(UNITS[timer] + "\n" + drop_in.text)["Timer"]
    # Misfires for oneshots (systemd#6680).
    assert "OnUnitActiveSec" not in merged
    (period,) = merged["OnUnitInactiveSec"]
    # Something must start the first pass.
    assert merged["OnActiveSec"] != []
    # The default is a minute.
    assert seconds(merged["AccuracySec"][0]) <= 0.1 * seconds(period)
    assert timer.replace(".timer", ".service") in UNITS


@pytest.mark.parametrize("timer", TIMERS)
def test_service_of_a_timer_may_start_for_ever(timer):
    service = read(UNITS[timer.replace(".timer", ".service")])
    assert service["Unit"]["StartLimitIntervalSec"] == ["0"]
    # It would never start a second time.
    assert service["Service"]["RemainAfterExit"] != ["yes"]
    # Two lines of systemd's own for each pass would fill the journal.
    assert service["Service"]["LogLevelMax"] == ["notice"]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("service", PASSES)
def test_a_pass_may_watch_to_its_end_and_be_ended_before(service, name):
    sections = read(UNITS[service])["Service"]
    limit_s = seconds(sections["TimeoutStartSec"][0])
    assert limit_s >= profile(name).watch_s + BESIDE_THE_WATCH_S
    # Whoever leaves the mode waits for it, and it is no failure.
    assert seconds(sections["TimeoutStopSec"][0]) <= 2
    assert sections["SuccessExitStatus"] == ["SIGTERM"]


def test_new_code_ends_every_pass_that_still_watches_with_the_old():
    assert sorted(setup.PASSES) == PASSES


@pytest.mark.parametrize("mode", tree.MODES)
def test_an_api_has_a_user_of_its_own_that_set_up_makes(mode):
    (user,) = read(UNITS[f"{mode}-api.service"])["Service"]["User"]
    assert user in users.NAMES


def unit_path(path):
    """The environment in which systemd's tools find our units and the system's, and no others."""
    folders = f"{path.parent}:/usr/lib/systemd/system"
    return os.environ | {"SYSTEMD_UNIT_PATH": folders, "LC_ALL": "C.UTF-8"}


@pytest.mark.parametrize("container", CONTAINERS)
def test_container_is_sandboxed_and_never_restarted(container):
    sections = read(UNITS[container])
    service = sections["Service"]
    for directive in ("DynamicUser", "NoNewPrivileges", "PrivateDevices", "RestrictNamespaces"):
        assert service[directive] == ["yes"], directive
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["MemoryMax"] != []
    assert service["TasksMax"] != []
    assert service["Type"] == ["notify"]
    # The difference between the two modes; and after a reboot a node runs nothing by itself.
    assert "Restart" not in service
    assert "Install" not in sections


def test_containers_of_both_modes_differ_in_the_mode_alone():
    pull, push = (UNITS[unit] for unit in CONTAINERS)
    assert pull.replace("pull", "push") == push
    for mode in tree.MODES:
        assert read(UNITS[f"{mode}-container@.service"])["Service"]["Slice"] == [f"{mode}.slice"]
        assert f"{mode}.slice" in UNITS


def test_units_wanted_by_a_mode_exist_and_stop_with_it():
    for mode in tree.MODES:
        wanted = " ".join(read(UNITS[f"{mode}.target"])["Unit"]["Wants"]).split()
        for unit in wanted:
            parts = [] if unit == GOODBYE else [f"{mode}.target"]
            assert read(UNITS[unit])["Unit"]["PartOf"] == parts, unit


def test_every_placeholder_is_filled_in():
    assert [unit for unit, text in UNITS.items() if re.search(r"@[A-Z]+@", text)] == []


def test_setting_up_twice_changes_nothing(tmp_path):
    first = setup.apply(tmp_path, LAB, profile("fast"))
    assert f"{FOLDER}push-container@.service" in first
    assert setup.apply(tmp_path, LAB, profile("fast")) == []
    changed = setup.apply(tmp_path, LAB, profile("seed"))
    assert sorted(changed) == sorted(
        ["etc/lab/profile.env", *(f"{FOLDER}{timer}.d/profile.conf" for timer in TIMERS)]
    )


@needs_systemd
def test_systemd_understands_every_unit(tmp_path):
    setup.apply(tmp_path, LAB, profile("fast"))
    folder = tmp_path / tree.UNITS
    names = [unit.replace("@.", "@web.") for unit in UNITS]
    argv = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *names]
    environment = unit_path(folder / "any")
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    # The programs are the guest's, not this machine's.
    missing = "is not executable: No such file or directory"
    assert [line for line in done.stderr.splitlines() if missing not in line] == []

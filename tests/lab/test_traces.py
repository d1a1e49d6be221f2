"""The look for traces: its one script, run by a real shell over tools and folders that we made."""

import os
import subprocess

import pytest

from lab.faults import traces
from lab.faults.traces import LOOK, listed, removal, words

TOOLS = {
    "nft": "table inet lab_fault_flap\ntable inet mine\ntable ip lab_fault_x\n",
    "tc": "qdisc noqueue 0: dev lo root refcnt 2 \n"
    "qdisc netem 8001: dev eth1 root refcnt 2 limit 1000 delay 200ms\n"
    "qdisc netem 40: dev lo parent 1:4 limit 1000 delay 2s\n"
    "qdisc pfifo_fast 0: dev eth0 root refcnt 2 bands 3 priomap 1 2 2\n",
    "systemctl": "lab-undo-0a1b.timer loaded active waiting x\n"
    "push-container@fake.service loaded active running Container fake\n",
}


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Look at a machine whose folders are below tmp_path and whose tools say what `said` says."""

    def found(**said):
        tools = tmp_path / "bin"
        tools.mkdir(exist_ok=True)
        for name in TOOLS:
            text = said.get(name, "")
            (tools / name).write_text(
                f"#!/bin/sh\ncat <<'END'\n{text}END\n" if text else "#!/bin/sh\n"
            )
            (tools / name).chmod(0o755)
        script = LOOK
        for folder in ("/var/lib", "/run/", "/sys/fs"):
            script = script.replace(f" {folder}", f" {tmp_path}{folder}")
        path = f"{tools}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=False
        )
        # Also where the last thing is not there: heal would take another code for a failed look.
        assert done.returncode == 0
        return [(kind, name.replace(str(tmp_path), "")) for kind, name in listed(done.stdout)]

    return found


def make(folder, *files):
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_clean_machine_has_no_traces(found):
    assert found() == []


def test_what_tools_say_is_told_from_what_is_a_users_own(found):
    assert found(**TOOLS) == [
        ("table", "lab_fault_flap"),
        ("queue", "eth1"),
        ("unit", "lab-undo-0a1b.timer"),
        ("unit", "push-container@fake.service"),
    ]


def test_files_marks_and_frozen_units_are_found_where_they_are(found, tmp_path):
    make(
        tmp_path,
        "var/lib/lab-fault.filler",
        "run/lab-fault.killed-pull-agent.service",
        "var/lib/lab-agent/desired.json",
        "var/lib/lab-agent/desired.json.before-fault",
        "var/lib/lab-pull/state-00000001.before-fault",
        "run/other",
    )
    (tmp_path / "run/lab-chaos/push/evil").mkdir(parents=True)
    for name, frozen in (("pull-api.service", 1), ("push-api.service", 0)):
        folder = tmp_path / f"sys/fs/cgroup/system.slice/{name}"
        folder.mkdir(parents=True)
        (folder / "cgroup.freeze").write_text(f"{frozen}\n")
    assert found() == [
        ("frozen", "pull-api.service"),
        ("file", "/var/lib/lab-fault.filler"),
        ("file", "/run/lab-fault.killed-pull-agent.service"),
        ("file", "/var/lib/lab-agent/desired.json.before-fault"),
        ("file", "/var/lib/lab-pull/state-00000001.before-fault"),
        ("mark", "push/evil"),
    ]


def test_a_timer_does_what_it_was_made_for_before_anything_else_is_removed():
    found = [("table", "lab_fault_flap"), ("unit", "lab-undo-0a1b.timer"), ("mark", "pull/evil")]
    scripts = [command.text for command in removal("node1", found)]
    assert scripts == [
        "systemctl start lab-undo-0a1b.service; systemctl stop lab-undo-0a1b.timer",
        "nft delete table inet lab_fault_flap",
        "systemctl stop pull-container@evil.service && rm -rf /run/lab-chaos/pull/evil",
    ]


@pytest.mark.parametrize("kind", list(traces._REMOVE))
def test_a_name_from_a_machine_is_never_more_than_one_word_of_a_shell(kind, tmp_path):
    flag = tmp_path / "flag"
    # The one program there is.
    (tmp_path / "touch").symlink_to("/bin/touch")
    bad = f"x/y; touch {flag}; $(touch {flag}) 'touch {flag}'"
    for command in removal("node1", [(kind, bad)]):
        argv = ["/bin/sh", "-c", command.text]
        subprocess.run(argv, env={"PATH": str(tmp_path)}, capture_output=True, check=False)
    assert not flag.exists()


def test_traces_in_words_name_each_thing_once():
    found = [("mark", "push/evil"), ("unit", "push-container@evil.service"), ("queue", "eth1")]
    assert words(found) == "push-container@evil.service, the delay of eth1"

"""Echoes of real kernels: loopback in a network namespace of the test's own."""

import json
import os
import subprocess
import sys

import pytest

from services.deciders.echo import EVERY_S, Listener
from tests.serving import ROOT

# Within it, root of a user namespace is root, and may say which groups may send echoes.
ALONE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "-r", "--net"]
SETUP = """
import json, sys, time
from pathlib import Path
from subprocess import run
from services.deciders.echo import EVERY_S, Listener

run(["ip", "link", "set", "lo", "up"], check=True)

def sysctl(path, value):
    Path("/proc/sys/net", path).write_text(value)

def rounds(listener, number, lease_s=9.0):
    found = []
    for _ in range(number):
        found.append(listener.listen(lease_s))
        time.sleep(0.05)
    return found

sysctl("ipv4/ping_group_range", "0 0")
listener = Listener({})
"""


def alone(script):
    """Return what `script` prints as JSON, run in a network namespace of its own."""
    argv = [*ALONE, sys.executable, "-c", SETUP + script]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_namespaces = pytest.mark.skipif(
    subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0,
    reason="this user may make no network namespace",
)


@needs_namespaces
def test_machines_answer_over_ipv4_and_ipv6_and_others_stay_unknown():
    silent_s, trouble = alone("""
listener.asked = frozenset(["127.0.0.1", "127.0.0.2", "::1", "10.9.9.9", "", "1::z"])
rounds(listener, 4)
print(json.dumps([listener.silent_s, listener.trouble]))
""")
    assert silent_s.keys() == {"127.0.0.1", "127.0.0.2", "::1"}
    assert all(0 < one < 3 * EVERY_S for one in silent_s.values())
    assert trouble == ""


@needs_namespaces
def test_a_name_is_no_address():
    """It would be looked up, five times a second."""
    assert (
        alone("""
listener.asked = frozenset(["localhost"])
rounds(listener, 4)
print(json.dumps(listener.silent_s))
""")
        == {}
    )


@needs_namespaces
@pytest.mark.parametrize(
    ("address", "switch"),
    [("127.0.0.1", "ipv4/icmp_echo_ignore_all"), ("::1", "ipv6/icmp/echo_ignore_all")],
)
def test_silence_grows_is_told_once_and_ends_with_an_answer(address, switch):
    before, told, silent_s, after_s = alone(f"""
listener.asked = frozenset(["{address}"])
before = rounds(listener, 3, 0.1)
sysctl("{switch}", "1")
told = rounds(listener, 9, 0.1)
silent_s = listener.silent_s["{address}"]
sysctl("{switch}", "0")
rounds(listener, 2)
print(json.dumps([before, told, silent_s, listener.silent_s["{address}"]]))
""")
    assert not any(before)
    assert told.count(True) == 1
    assert silent_s > 0.25
    assert after_s < silent_s


@needs_namespaces
def test_what_was_heard_goes_on_where_an_earlier_listener_ended_and_is_forgotten_with_its_node():
    begins, later, without = alone("""
listener = Listener({"10.9.9.9": 2.0, "10.9.9.8": 2.0})
listener.asked = frozenset(["10.9.9.9"])
time.sleep(0.3)
rounds(listener, 1)
begins = listener.silent_s
rounds(listener, 3)
later = listener.silent_s
listener.asked = frozenset()
rounds(listener, 1)
print(json.dumps([begins, later, listener.silent_s]))
""")
    # The time between two listeners is not silence: nothing was asked then.
    assert begins == {"10.9.9.9": 2.0}
    assert 2.0 < later["10.9.9.9"] < 2.0 + 3 * 3 * EVERY_S
    assert without == {}


@needs_namespaces
def test_without_a_socket_there_is_no_witness_and_a_reason():
    silent_s, trouble = alone("""
sysctl("ipv4/ping_group_range", "1 0")
listener.asked = frozenset(["127.0.0.1"])
rounds(listener, 3)
print(json.dumps([listener.silent_s, listener.trouble]))
""")
    assert silent_s == {}
    assert trouble == "cannot open an ICMP socket: Permission denied"


def test_what_a_process_that_stood_still_did_not_hear_is_no_silence():
    now_s = iter([0.0, 0.2, 0.4, 60.4, 60.6])
    listener = Listener({"": 1.0}, lambda: next(now_s))
    listener.asked = frozenset([""])
    passed = []
    for _ in range(4):
        before_s = listener.silent_s[""]
        listener.listen(9.0)
        passed.append(listener.silent_s[""] - before_s)
    assert passed == pytest.approx([0.0, 0.2, 3 * EVERY_S, 0.2])

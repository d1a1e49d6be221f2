"""The way in of the host: who stands at the APIs' doors, which ask for no token."""

from contextlib import suppress

import pytest

from provisioning import topology as topology_file

pytestmark = pytest.mark.vm

LAB = topology_file.load()
HOST = LAB.management_network.gateway
# Says for each door at an address whether it opened: ADDRESS DEVICE [SOURCE].
KNOCK = """
import socket, sys
for port in (8080, 8081):
    with socket.socket() as knocking:
        knocking.settimeout(3)
        knocking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[2].encode())
        if sys.argv[3:]:
            knocking.bind((sys.argv[3], 0))
        try:
            knocking.connect((sys.argv[1], port))
            print("opened", port)
        except OSError:
            print("shut", port)
"""
SHUT = ["shut 8080", "shut 8081"]


@pytest.fixture
def knock(hosts):
    hosts["node1"].check_output(f"cat > /run/knock.py <<'END'\n{KNOCK}\nEND")
    return lambda *way: hosts["node1"].check_output(f"python3 /run/knock.py {' '.join(way)}")


def test_the_host_is_let_in(push, pull):
    assert not push.running().unreachable
    assert len(pull.nodes().nodes) == len(LAB.nodes)


@pytest.mark.parametrize("device", ["eth0", "eth1"])
def test_a_node_is_not_let_in(knock, device):
    assert knock(LAB.api.management, device).splitlines() == SHUT


def test_a_node_that_says_it_is_the_host_is_not_let_in_either(knock, hosts, stage):
    # While it has that address the host gets no answer from it: it writes down what it found.
    script = (
        f"ip address add {HOST}/32 dev eth0; "
        f"python3 /run/knock.py {LAB.api.management} eth0 {HOST} > /run/knocked.part; "
        f"ip address del {HOST}/32 dev eth0; mv /run/knocked.part /run/knocked"
    )
    hosts["node1"].check_output(f"rm -f /run/knocked; systemd-run --quiet sh -c '{script}'")

    def found():
        with suppress(RuntimeError):
            return hosts["node1"].run("cat /run/knocked").stdout
        return ""

    stage.wait(found, "it has knocked")
    assert found().splitlines() == SHUT


def test_it_is_the_filter_and_the_pinned_host_that_keep_it_out(hosts):
    """Both are there; without them the tests above would pass for want of a route, too."""
    api = hosts["api"]
    pinned = api.check_output(f"ip neigh show {HOST} dev eth0")
    assert pinned.split()[-1] == "PERMANENT"
    assert LAB.management_network.mac in pinned
    for mode in ("push", "pull"):
        shown = api.check_output(
            f"systemctl show -p IPAddressAllow -p IPAddressDeny {mode}-door.socket"
        )
        assert f"IPAddressAllow={HOST}/32" in shown
        assert "0.0.0.0/0" in shown.partition("IPAddressDeny=")[2]

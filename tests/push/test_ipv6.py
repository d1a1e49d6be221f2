"""Push over IPv6: where it listens, and how it reaches its nodes."""

import re

import pytest

from services.core.address import parse_address
from services.core.errors import LabError
from services.push.commands import Command
from services.push.inventory import Inventory, Target, load
from services.push.session import Session
from tests.push.sshd import LIMITS, user
from tests.serving import Client, has_ipv6

pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def nodes(address):
    return [{"name": "node1", "address": address, "port": 1}]


def test_it_listens_on_ipv6_and_says_so_in_brackets(run, inventory):
    process = run("--inventory", inventory(nodes=nodes("[::1]")), "--listen", "[::1]:0")
    said = process.stderr.readline()
    place = re.fullmatch(r"listening on http://(\[::1\]:\d+)\n", said)
    assert place, said
    client = Client(parse_address(place[1]))
    assert client("GET", "/healthz").ok
    assert client("GET", "/containers").json()["unreachable"] == ["node1"]
    client.close()


def test_a_node_at_an_ipv6_address_is_logged_in_to(node, key, tmp_path):
    node.stop()
    with (node.folder / "sshd_config").open("a") as file:
        file.write(f"ListenAddress [::1]:{node.port}\n")
    node.start()
    known = tmp_path / "known_hosts"
    known.write_text(node.known_hosts().replace("[127.0.0.1]", "[::1]"))
    target = Target("node1", "::1", node.port)
    session = Session(target, Inventory(user(), key, known, (target,)), LIMITS)
    echo = Command('echo "$1"', ("six",))
    assert session.run("echo", echo, timeout_s=10, start_by_s=float("inf")) == "six\n"
    session.close()


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_an_address_of_the_inventory_may_have_brackets(inventory, address):
    assert load(inventory(nodes=nodes(address))).targets[0].address == "::1"


@pytest.mark.parametrize("address", ["fe80::1%eth0", "[::1", "::1]:22", "a b", "", "node1/x"])
def test_an_address_that_is_none_is_refused(inventory, address):
    with pytest.raises(LabError, match=r"is not a host|has a zone id"):
        load(inventory(nodes=nodes(address)))

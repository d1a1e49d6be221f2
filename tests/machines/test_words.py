"""The command lines of the lab's QEMUs."""

import json
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from lab.machines.qemu import words
from lab.machines.qemu.ports import Forward
from provisioning import topology

LAB = topology.load()
NODE = LAB.machine("node1")
MADE = {
    "accel": "tcg",
    "kernel": "/k",
    "initrd": "/i",
    "kernel_command_line": "root=/dev/vda quiet",
    "console": "/a,b/console.log",
    "credentials": {"lab.token": "/a,b/token"},
}


def made(**other):
    forwards = [Forward("tcp", 2201, 22), Forward("udp", 2202, 7979)]
    return words.machine(LAB, NODE, MADE | other, Path("/a,b/disk"), Path("/run/x"), forwards)


def after(argv, option):
    return [word for before, word in pairwise(argv) if before == option]


def test_a_machine_has_the_networks_that_it_has_under_libvirt():
    argv = made()
    host, lab = after(argv, "-netdev")
    assert host.startswith("user,id=host,restrict=on,")
    assert {"net=10.77.1.0/24", "host=10.77.1.1", "dhcpstart=10.77.1.11"} <= {*host.split(",")}
    assert host.endswith(
        ",hostfwd=tcp:127.0.0.1:2201-10.77.1.11:22,hostfwd=udp:127.0.0.1:2202-10.77.1.11:7979"
    )
    assert lab == (
        "dgram,id=lab,local.type=unix,local.path=/run/x/node1.net,"
        "remote.type=unix,remote.path=/run/x/node1.hub"
    )
    # The order makes eth0 and eth1 of them.
    devices = [word for word in after(argv, "-device") if word.startswith("virtio-net")]
    assert [device.split(",")[1] for device in devices] == ["netdev=host", "netdev=lab"]
    assert len({device.rpartition("=")[2] for device in devices}) == 2


def test_nothing_but_loopback_listens():
    forwards = [part for part in ",".join(made()).split(",") if part.startswith("hostfwd=")]
    assert forwards
    assert all(":127.0.0.1:" in forward for forward in forwards)


def test_the_kernel_hears_name_and_address():
    (line,) = after(made(), "-append")
    assert shlex.split(line)[-2:] == [
        "systemd.hostname=node1",
        "ip=10.77.0.11:::255.255.255.0::eth1:none",
    ]
    assert line.startswith("root=/dev/vda quiet ")


def test_a_comma_in_a_path_is_no_end_of_it():
    argv = made()
    assert json.loads(after(argv, "-blockdev")[0])["file"]["filename"] == "/a,b/disk"
    assert "name=opt/io.systemd.credentials/lab.token,file=/a,,b/token" in argv
    assert "file,id=console,append=on,path=/a,,b/console.log" in argv


@pytest.mark.parametrize(("accel", "cpu"), [("tcg", "qemu64"), ("kvm", "host")])
def test_the_accelerator_is_the_one_that_the_machine_was_made_for(accel, cpu):
    argv = made(accel=accel)
    assert after(argv, "-accel") + after(argv, "-cpu") == [accel, cpu]


def test_this_computer_has_the_gateways_place_in_the_labs_network():
    argv = words.gateway(LAB, Path("/run/x"))
    assert after(argv, "-machine") == ["none"]
    host, lab, *ends = after(argv, "-netdev")
    assert "host=10.77.0.1" in host
    assert "restrict=on" in host
    assert "/run/x/gateway.hub" in lab
    assert [end.rpartition("=")[2] for end in ends] == ["host", "lab"]
    machines = {machine.address for machine in LAB.machines}
    assert not machines & {part.partition("=")[2] for part in host.split(",")}

"""The ways into the lab's network namespace."""

import os
import subprocess
from socket import CMSG_SPACE, create_server, socketpair

from lab.host import netns


def test_ssh_needs_no_detour_where_the_networks_are_the_hosts():
    assert netns.ssh_options(None) == []


def test_ssh_goes_through_sudo_the_slow_way(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert netns.ssh_options("lab") == []


def test_nc_hands_over_the_connection_as_ssh_wants_it(monkeypatch):
    """One byte and one file descriptor: what ProxyUseFdpass expects."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(netns, "prefix", lambda _: [])
    (command,) = [o.removeprefix("ProxyCommand=") for o in netns.ssh_options("lab") if "nc" in o]
    ours, theirs = socketpair()
    with create_server(("127.0.0.1", 0)) as server, ours, theirs:
        port = str(server.getsockname()[1])
        words = command.replace("%h", "127.0.0.1").replace("%p", port).split()
        subprocess.run(words, stdout=theirs.fileno(), check=True, timeout=20)
        message, passed, _, _ = ours.recvmsg(16, CMSG_SPACE(4))
        assert len(message) == 1
        os.close(int.from_bytes(passed[0][2], "little"))


def test_a_namespace_that_is_made_anew_is_another_one(monkeypatch, tmp_path):
    monkeypatch.setattr(netns, "Path", lambda _: tmp_path / "lab")
    assert netns.identity("lab") == netns.identity(None) == ""
    (tmp_path / "lab").touch()
    first = netns.identity("lab")
    assert first == netns.identity("lab") != ""
    (tmp_path / "lab").rename(tmp_path / "old")
    (tmp_path / "lab").touch()
    assert netns.identity("lab") not in ("", first)

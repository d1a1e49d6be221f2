"""Tokens on their way: which machine gets what, in which order, and after which interruption."""

import json
import os
import shlex
import subprocess

import pytest

from lab.bringup import deploy
from lab.host import tokens as host
from lab.machines import remote
from lab.planes import tokens
from provisioning.guest import source
from services.core.errors import NodeUnreachable


class Machines:
    """What each machine has of files, and the order in which they were written.

    Understands the scripts that `lab` sends; off: machines that do not answer.
    """

    def __init__(self, lab):
        ready = {
            "/opt/lab/DIGEST": f"{source.digest()}\n",
            "/etc/lab/profile.env": "LAB_PROFILE=fast\n",
        }
        self.files = {machine.name: dict(ready) for machine in lab.machines}
        self.written = []
        self.off = set()
        self.lines = []

    def run(self, machine, argv, *, timeout_s=30.0, data=None):
        if machine.name in self.off:
            raise NodeUnreachable(machine.name, timeout_s)
        self.lines.append(shlex.join(argv))
        files = self.files[machine.name]
        script = argv[2]
        if script.startswith("cat "):
            known = (tokens.ON_NODE, tokens.ON_API)
            found = [f"{host.digest(files[path])}  {path}" for path in known if path in files]
            plain = [text for path, text in files.items() if path not in known]
            return "".join(plain) + "\n".join(found)
        path = script.rpartition(" ")[2]
        owner = {tokens.ON_NODE: "root", tokens.ON_API: "lab-pull"}[path]
        text = data.decode()
        assert script == tokens.install(path, owner, host.digest(text))
        files[path] = text
        self.written.append(machine.name)
        return ""

    def valid(self, node):
        """Whether the state server would let `node` in with what it has."""
        table = json.loads(self.files["api"][tokens.ON_API])
        return host.digest(self.files[node][tokens.ON_NODE]) in table[node]


@pytest.fixture
def machines(lab, vms, monkeypatch, tmp_path):
    monkeypatch.setattr(host, "TOKENS", tmp_path / "tokens")
    fake = Machines(lab)
    monkeypatch.setattr(remote, "run", fake.run)
    # What the fixture `vms` put there calls its own machines.
    monkeypatch.setattr(remote, "run_all", REAL_RUN_ALL)
    return fake


REAL_RUN_ALL = remote.run_all


def up(lab, said=None):
    return deploy.deploy(lab, "fast", (said if said is not None else []).append)


def test_the_first_up_brings_every_machine_its_part_the_server_first(lab, machines):
    assert up(lab) == ["api", "node1", "node2", "node3"]
    assert machines.written[0] == "api"
    assert sorted(machines.written[1:]) == ["node1", "node2", "node3"]
    assert all(machines.valid(node.name) for node in lab.nodes)


def test_a_second_up_asks_each_machine_once_and_writes_nothing(lab, machines):
    up(lab)
    machines.lines.clear()
    machines.written.clear()
    assert up(lab) == []
    assert machines.written == []
    assert len(machines.lines) == len(lab.machines)


def test_a_machine_that_lacks_its_token_gets_it_alone(lab, machines):
    up(lab)
    machines.written.clear()
    machines.files["node2"][tokens.ON_NODE] = "somebody else's"
    assert up(lab) == ["node2"]
    assert machines.written == ["node2"]


def test_no_token_is_ever_on_a_command_line_or_in_what_is_said(lab, machines):
    said: list[str] = []
    up(lab, said)
    tokens.rotate(lab, lab.nodes, said.append)
    lines = "\n".join([*machines.lines, *said])
    secrets = [machines.files[node.name][tokens.ON_NODE] for node in lab.nodes]
    assert [secret for secret in secrets if secret in lines] == []


def test_a_rotation_lets_every_node_in_at_every_moment(lab, machines, run, monkeypatch):
    up(lab)
    before = {node.name: machines.files[node.name][tokens.ON_NODE] for node in lab.nodes}
    write = machines.run
    let_in = []

    def watched(machine, argv, **options):
        said = write(machine, argv, **options)
        let_in.append(all(machines.valid(node.name) for node in lab.nodes))
        return said

    monkeypatch.setattr(remote, "run", watched)
    machines.written.clear()
    assert run("token", "rotate", "node1", "node3").exit_code == 0
    assert let_in == [True] * 4
    assert machines.written[0] == machines.written[-1] == "api"
    assert sorted(machines.written[1:-1]) == ["node1", "node3"]
    after = {node.name: machines.files[node.name][tokens.ON_NODE] for node in lab.nodes}
    assert {name for name in after if after[name] != before[name]} == {"node1", "node3"}
    # The old ones are worth nothing any more.
    table = json.loads(machines.files["api"][tokens.ON_API])
    assert host.digest(before["node1"]) not in table["node1"]
    assert all(len(digests) == 1 for digests in table.values())


@pytest.mark.parametrize("again", ["up", "rotate"])
@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4])
def test_a_rotation_that_is_interrupted_is_finished_by_the_next_command(
    lab, machines, monkeypatch, writes, again
):
    """After any number of its five writes (server, three nodes, server)."""
    up(lab)
    before = {node.name: machines.files[node.name][tokens.ON_NODE] for node in lab.nodes}
    write = machines.run
    left = [writes]

    def breaking(machine, argv, **options):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return write(machine, argv, **options)

    monkeypatch.setattr(remote, "run", breaking)
    with pytest.raises(KeyboardInterrupt):
        tokens.rotate(lab, lab.nodes, lambda _: None)
    monkeypatch.setattr(remote, "run", write)
    assert all(machines.valid(node.name) for node in lab.nodes)
    if again == "up":
        up(lab)
    else:
        tokens.rotate(lab, lab.nodes, lambda _: None)
    assert host.begun(before) == []
    assert all(machines.valid(node.name) for node in lab.nodes)
    assert all(machines.files[name][tokens.ON_NODE] != old for name, old in before.items())
    assert json.loads(machines.files["api"][tokens.ON_API]) == json.loads(host.accepted(before))
    assert up(lab) == []


def test_a_node_that_is_off_is_an_error_and_keeps_its_old_token_until_the_next_up(
    lab, machines, run
):
    up(lab)
    machines.off = {"node2"}
    result = run("token", "rotate", "node2")
    assert result.exit_code == 1
    assert "node2" in result.stderr
    assert machines.valid("node2")
    machines.off = set()
    assert up(lab) == ["node2"]
    assert machines.valid("node2")


def test_the_script_writes_a_file_that_only_its_owner_reads(tmp_path):
    path = tmp_path / "token"
    script = tokens.install(str(path), str(os.getuid()), host.digest("secret"))
    subprocess.run(["sh", "-c", script], input=b"secret", check=True)
    assert path.read_text() == "secret"
    assert path.stat().st_mode & 0o777 == 0o600
    # Of a connection that broke nothing is left to be used.
    done = subprocess.run(["sh", "-c", script], input=b"sec", check=False)
    assert done.returncode != 0
    assert path.read_text() == "secret"

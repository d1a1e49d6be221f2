"""The lab's keys: made once, known before their machines exist."""

import subprocess

import pytest

from lab.host import keys, settings
from provisioning import topology

LAB = topology.load()


@pytest.fixture
def made(monkeypatch, tmp_path):
    for name, value in {
        "KEYS": tmp_path,
        "USER_KEY": tmp_path / "user",
        "_PUSH_KEY": tmp_path / "push",
        "KNOWN_HOSTS": tmp_path / "known_hosts",
    }.items():
        monkeypatch.setattr(keys, name, value)
    keys.ensure(LAB)
    return tmp_path


def test_a_second_time_makes_nothing_new(made):
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    keys.ensure(LAB)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


def test_a_key_whose_public_half_is_lost_is_made_anew_whole(made):
    (made / "user.pub").unlink()
    keys.ensure(LAB)
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", made / "user"], capture_output=True, text=True, check=True
    ).stdout
    assert shown.split()[:2] == (made / "user.pub").read_text().split()[:2]


def test_every_machine_is_known_by_name_and_by_address(made):
    known = made / "known_hosts"
    for machine in LAB.machines:
        for name in (machine.name, machine.management):
            found = subprocess.run(
                ["ssh-keygen", "-F", name, "-f", known], capture_output=True, text=True, check=True
            ).stdout
            assert (made / f"host-{machine.name}.pub").read_text().split()[1] in found


def test_only_the_api_machine_gets_pushs_private_key(made):
    api = keys.credentials(LAB.api, LAB)
    node = keys.credentials(LAB.node("node1"), LAB)
    assert "lab.push-key" in api
    assert not [text for text in node.values() if text == api["lab.push-key"]]
    assert node["lab.ssh-host-key"] != api["lab.ssh-host-key"]


def test_push_may_log_in_on_nodes_and_only_from_the_api_machine(made):
    public = (made / "push.pub").read_text().split()[1]
    assert public not in keys.credentials(LAB.api, LAB)["lab.authorized-keys"]
    (line,) = [
        line
        for line in keys.credentials(LAB.node("node1"), LAB)["lab.authorized-keys"].splitlines()
        if public in line
    ]
    assert line.startswith(f'restrict,from="{LAB.api.address}" ')


@pytest.mark.parametrize("name", ["a checkout with spaces", "50% done", "long" * 40, "a#b"])
def test_ssh_finds_the_keys_whatever_the_path_of_the_checkout(monkeypatch, tmp_path, name):
    folder = tmp_path / name
    monkeypatch.setattr(keys, "USER_KEY", folder / "user")
    monkeypatch.setattr(keys, "KNOWN_HOSTS", folder / "known_hosts")
    doors = {machine.name: ("127.0.0.1", 2200) for machine in LAB.machines}
    (tmp_path / "config").write_text(settings._ssh_config(LAB, None, doors))
    argv = ["ssh", "-G", "-F", tmp_path / "config", "node1"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert f"globalknownhostsfile {folder}/known_hosts\n" in said
    assert "hostname 127.0.0.1\n" in said
    assert "port 2200\n" in said
    # Here % begins a token, see ssh_config(5).
    assert f"identityfile {folder}/user\n".replace("%", "%%") in said

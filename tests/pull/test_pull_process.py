"""The state server as the process that systemd starts, kills and starts again."""

import threading

import pytest
import requests

from services.pull.command import main
from tests.serving import Client


def declared(server):
    answer = call(server, "GET", "/api/containers").json()
    return {item["name"] for item in answer["containers"]}, answer["revision"]


def call(server, method, path, **kwargs):
    client = Client(server.admin)
    try:
        return client(method, path, **kwargs)
    finally:
        client.close()


def test_sigterm_ends_it_cleanly_with_clients_connected(start):
    server = start()
    client = Client(server.admin)
    assert client("GET", "/healthz").status_code == 200
    assert server.stop() == 0
    client.close()


def test_it_comes_back_on_the_same_port_with_everything(start):
    server = start()
    call(server, "POST", "/api/containers", json={"name": "a", "node": "node1"})
    before = declared(server)
    server.stop()
    again = start(admin=server.admin[1])
    assert again.admin == server.admin
    assert declared(again) == before == ({"a"}, 1)


def test_a_port_that_is_taken_is_said_with_a_way_out(start):
    server = start()
    other = start(admin=server.admin[1])
    assert other.process.wait(20) == 1
    said = "".join(other.said)
    assert f"cannot listen on 127.0.0.1:{server.admin[1]}: Address already in use\n" in said
    assert "hint:" in said


def test_a_second_server_over_the_same_data_ends_with_a_hint_and_touches_nothing(start):
    server = start()
    call(server, "POST", "/api/containers", json={"name": "a"})
    other = start()
    assert other.process.wait(20) == 1
    said = "".join(other.said)
    assert "another state server uses" in said
    assert "hint:" in said
    server.kill()
    assert declared(start()) == ({"a"}, 1)


@pytest.mark.parametrize(("profile", "lease_s"), [("", 15), ("fast", 3)])
def test_alone_it_waits_for_heartbeats_as_long_as_the_seeds_clients_expect(start, profile, lease_s):
    assert call(start(profile=profile), "GET", "/api/nodes").json()["lease_s"] == lease_s


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--profile", "warp"], "unknown profile 'warp'", id="unknown profile"),
        pytest.param(["--data", "/dev/null/x"], "cannot use /dev/null/x", id="no folder for data"),
        pytest.param(
            ["--listen", "nosuch.invalid:0"], "cannot listen on nosuch", id="no such name"
        ),
        pytest.param(["--listen", "a..b:0"], "cannot listen on a..b:0", id="not even a name"),
        pytest.param(
            ["--node-listen", "192.0.2.1:0", "--tokens", "x"],
            "cannot listen on 192.0.2.1",
            id="not ours",
        ),
        pytest.param(
            ["--node-listen", "127.0.0.1:0"], "--node-listen without --tokens", id="no tokens"
        ),
    ],
)
def test_settings_that_are_wrong_are_said_with_a_hint(tmp_path, capsys, options, said):
    assert main(["--data", str(tmp_path), "--listen", "127.0.0.1:0", *options]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "hint: " in error


def test_a_damaged_database_is_said_before_anything_is_served(start, tmp_path):
    server = start()
    for name in "ab":
        call(server, "POST", "/api/containers", json={"name": name})
    server.stop()
    (tmp_path / "data/pull.json").write_bytes(b"")
    again = start()
    assert any(line.startswith("REPAIRED: ") for line in again.said)
    assert declared(again) == ({"a"}, 3)


def test_kill_9_with_writers_loses_nothing_that_was_acknowledged(start):
    server = start()
    acknowledged: list[set[str]] = [set() for _ in range(4)]
    enough = threading.Event()

    def write(number: int) -> None:
        client = Client(server.admin)
        try:
            for n in range(10_000):
                name = f"c{number}-{n}"
                if client("POST", "/api/containers", json={"name": name}).status_code == 201:
                    acknowledged[number].add(name)
                if n == 10:
                    enough.set()
        except requests.RequestException:
            return  # it was killed under us: this one may be there or not
        finally:
            client.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    server.kill()
    for thread in threads:
        thread.join()
    names, revision = declared(again := start())
    everything = set().union(*acknowledged)
    assert everything <= names
    assert len(names - everything) <= len(threads)
    assert revision == len(names)
    assert not any(line.startswith("REPAIRED") for line in again.said)

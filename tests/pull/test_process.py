"""The state server as the process that systemd starts, kills and starts again."""

import json
import resource
import signal
import time

import pytest

from services.pull.command import main
from tests.pull.writers import images, writing
from tests.serving import Client
from tests.state.acknowledged import problems
from tests.waiting import wait_for


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
    began_s = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began_s < 1.5, "it waited for a client that rests"
    client.close()


def test_it_comes_back_on_the_same_port_with_everything(start):
    server = start()
    call(server, "POST", "/api/containers", json={"name": "a", "node": "node1"})
    before = declared(server)
    server.stop()
    again = start(admin=server.admin[1])
    assert again.admin == server.admin
    assert declared(again) == before == ({"a"}, 2)


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
    assert declared(start()) == ({"a"}, 2)


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
    server.kill()
    newest = max((tmp_path / "data").glob("state-*"))
    newest.write_bytes(newest.read_bytes()[:-10])
    again = start()
    assert any(line.startswith("REPAIRED: ") for line in again.said)
    names, revision = declared(again)
    assert names == {"a"}
    assert revision > 3, "somebody may know the revision of what was lost"


def test_log_json_tells_of_each_request_and_of_the_end_of_nothing(start):
    server = start(options=["--log", "json"])
    call(server, "PUT", "/api/containers/a", json={}, headers={"X-Request-ID": "mine"})
    server.process.terminate()
    lines = [json.loads(line) for line in [*server.said, *server.process.stderr]]
    (told,) = [line for line in lines if line["message"] == "request"]
    assert (told["request_id"], told["status"], told["container"]) == ("mine", 201, "a")
    assert told["route"] == "/api/containers/<name>"
    assert {line["level"] for line in lines} == {"info"}


def test_an_interrupt_ends_it_as_well_as_systemd_does(start):
    server = start()
    call(server, "POST", "/api/containers", json={"name": "a"})
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(10) == 0
    assert declared(start()) == ({"a"}, 2)


def test_writers_at_the_end_get_an_answer_or_none_and_what_was_answered_is_there(start):
    server = start()
    with writing(server, 8) as writers:
        wait_for(lambda: sum(w.acknowledged for w in writers) > 50, "they write", timeout_s=20)
        assert server.stop() == 0
    assert problems(writers, images(start())) == []


def test_readyz_is_503_while_nothing_can_be_written(start, tmp_path):
    """A limit on the size of files is a full disk that one needs no disk for."""
    server = start()
    assert call(server, "GET", "/readyz").json() == {"status": "ready"}
    limit = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, -1))
    answer = call(server, "POST", "/api/containers", json={"name": "a"})
    assert (answer.status_code, bool(answer.json()["hint"])) == (503, True)
    answer = call(server, "GET", "/readyz")
    assert answer.status_code == 503
    assert "could not be written" in answer.json()["error"]
    assert call(server, "GET", "/healthz").ok
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limit)
    assert call(server, "POST", "/api/containers", json={"name": "a"}).status_code == 201
    assert call(server, "GET", "/readyz").ok
    assert declared(server)[0] == {"a"}
    server.process.terminate()
    assert server.process.stderr.read() == "", "whoever asked was told"


@pytest.mark.parametrize(
    ("etcd", "said"),
    [
        pytest.param("127.0.0.1:1", "127.0.0.1:1", id="nothing listens there"),
        pytest.param("127.0.0.1:1,127.0.0.1:2", "127.0.0.1:2", id="nor there"),
    ],
)
def test_an_etcd_that_cannot_be_reached_is_said_with_a_hint(capsys, etcd, said):
    assert main(["--etcd", etcd, "--listen", "127.0.0.1:0"]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "hint: " in error


@pytest.mark.parametrize("options", [[], ["--data", "x", "--etcd", "127.0.0.1:1"]])
def test_the_state_is_in_one_place(capsys, options):
    with pytest.raises(SystemExit):
        main([*options, "--listen", "127.0.0.1:0"])
    assert "--etcd" in capsys.readouterr().err

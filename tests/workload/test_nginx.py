"""The real nginx as a container. Needs it installed: apt-get install nginx-light."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from services.core.catalogue import preferred_port
from services.workload import nginx
from tests.waiting import wait_for
from tests.workload.test_demo import ask

NEEDED = "nginx is missing: apt-get install --no-install-recommends nginx-light"


@pytest.fixture(autouse=True)
def _installed():
    assert os.access(nginx.PROGRAM, os.X_OK), NEEDED


def test_answers_as_the_demo_does_and_is_the_real_one(unit, name):
    process = unit.start(name, "nginx")
    port = unit.port(process)
    assert port == preferred_port("push", name)
    head, _, body = ask(port).partition(b"\r\n\r\n")
    assert b"Server: nginx" in head
    assert b"Content-Type: application/json" in head
    answer = json.loads(body)
    assert (answer["name"], answer["image"], answer["pid"]) == (name, "nginx", process.pid)
    post = ask(port, b"POST /any HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
    assert post.startswith(b"HTTP/1.1 200")
    assert post.endswith(body)


def test_main_process_is_nginx_itself(unit, name):
    process = unit.start(name, "nginx")
    unit.port(process)
    assert Path(f"/proc/{process.pid}/exe").resolve() == Path(nginx.PROGRAM)


def test_helper_stays_until_systemd_has_read_its_message(unit, name):
    process = unit.start(name, "nginx")
    message, _ = unit.heard()
    assert message.startswith("READY=1\n")
    barrier, descriptors = unit.heard()
    assert barrier == "BARRIER=1"

    def helpers():
        return [pid for pid in children(process.pid) if exe(pid) != Path(nginx.PROGRAM)]

    # For as long as systemd keeps its copy open.
    time.sleep(0.2)
    assert len(helpers()) == 1
    for descriptor in descriptors:
        os.close(descriptor)
    wait_for(lambda: not helpers(), "the helper ends", timeout_s=20)
    assert process.poll() is None


def test_keeps_every_file_in_its_runtime_directory(unit, name):
    process = unit.start(name, "nginx")
    unit.port(process)
    opened = [link.readlink() for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    files = [path for path in opened if path.is_absolute() and path.is_file()]
    assert [path for path in files if not path.is_relative_to(unit.runtime.parent)] == []
    assert (unit.runtime / "nginx.pid").read_text().strip() == str(process.pid)


def test_ends_at_once_on_sigterm(unit, name):
    process = unit.start(name, "nginx")
    unit.port(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    # The helper, until its message is read, belongs to whoever ends the unit's cgroup.
    unit.heard()
    os.close(*unit.heard()[1])
    assert unit.ended()


def test_nginx_that_answers_something_else_is_ended_at_once(unit, name):
    # What it would serve vanishes: nginx serves no devices.
    (unit.runtime / "www").mkdir(parents=True)
    (unit.runtime / "www/answer.json").symlink_to("/dev/null")
    process = unit.start(name, "nginx")
    assert process.wait(20) == 0
    assert "instead of 200" in unit.log
    assert unit.ended()
    assert not (unit.runtime / "ready").exists()


def test_nginx_that_fails_to_start_is_not_announced(unit, name):
    # A folder where nginx must write a file.
    (unit.runtime / "nginx.pid").mkdir(parents=True)
    process = unit.start(name, "nginx")
    assert process.wait(20) == 1
    assert "nginx.pid" in unit.log
    assert unit.ended()
    assert not (unit.runtime / "ready").exists()


def children(parent):
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def exe(pid):
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None

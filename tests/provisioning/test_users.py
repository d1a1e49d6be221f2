"""The services' users, made by the real systemd-sysusers in a root file system of our own."""

import os
import shutil

import pytest

from provisioning.guest import users

needs_sysusers = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("systemd-sysusers"),
    reason="needs root and systemd-sysusers, as set-up has them in a guest",
)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    (tmp_path / "etc/shadow").write_text("root:*:20000:0:99999:7:::\n")
    return tmp_path


def test_who_is_missing_is_read_from_the_system_and_not_from_ours(root):
    assert users.missing(root) == ["lab-door", "lab-pull", "lab-push"]
    with (root / "etc/passwd").open("a") as file:
        file.write("lab-pull:x:990:990::/:/usr/sbin/nologin\n")
    assert users.missing(root) == ["lab-door", "lab-push"]


@needs_sysusers
def test_users_are_made_once_and_cannot_log_in(root):
    assert users.ensure(root) == list(users.NAMES)
    passwd = (root / "etc/passwd").read_text()
    for name in users.NAMES:
        (line,) = [line for line in passwd.splitlines() if line.startswith(f"{name}:")]
        assert line.endswith("nologin")
    assert users.ensure(root) == []
    assert (root / "etc/passwd").read_text() == passwd


@needs_sysusers
def test_the_same_users_give_the_same_files_on_any_day(root):
    users.ensure(root)
    lines = (root / "etc/shadow").read_text().splitlines()
    days = {line.split(":")[2] for line in lines if line.startswith("lab-")}
    assert days == {"20454"}

"""On a plane: from a bundle to a demonstration, with nobody so much as looking for a way out."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from lab.host import forward
from lab.host.speed import deadline_s
from tests.house.repository import ROOT, tracked
from tests.vm.airplane import airplane
from tests.vm.conftest import LAB, run

pytestmark = [
    pytest.mark.vm,
    pytest.mark.skipif(
        Path("/run/systemd/system").exists(),
        reason="make test-hosts does it with systemd",
    ),
]

# Of each step, with KVM: pip unpacks some seventy wheels.
_STEP_S = 40


@pytest.fixture
def bundle(tmp_path):
    """A bundle of this checkout: what somebody takes along."""
    file = tmp_path / "plane.tar"
    run(*LAB, "bundle", "export", str(file))
    return file


@pytest.fixture
def checkout(tmp_path):
    """Only what is in the repository, somewhere else."""
    folder = tmp_path / "checkout"
    for path in tracked("*"):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder


@pytest.fixture
def environment(tmp_path):
    """A home and a cache with nothing in them."""
    home = tmp_path / "home"
    home.mkdir()
    # MAKEFLAGS: `make test` must not speak to the `make` in here.
    unset = ("XDG_CACHE_HOME", "VAGRANT_HOME", "PIP_CACHE_DIR", "VIRTUAL_ENV", "MAKEFLAGS")
    return {"HOME": str(home), "LAB_CACHE": str(tmp_path / "cache")} | dict.fromkeys(unset, "")


@pytest.fixture
def grounded(lab):
    """No lab while the plane is in the air; the usual one after it."""
    run(*LAB, "down")
    yield
    forward.stop()
    run(*LAB, "down")
    run(*LAB, "up", "both")


def test_a_lab_is_set_up_and_played_with_nothing_but_a_bundle(
    grounded, bundle, checkout, environment
):
    limit_s = deadline_s(_STEP_S)
    own = str(checkout / ".venv/bin/lab")
    with airplane(environment) as plane:

        def do(*words: str) -> str:
            return plane.run(*words, cwd=checkout, timeout_s=limit_s)

        try:
            do("make", "setup", f"BUNDLE={bundle}")
            said = do(own, "up", "both")
            assert "create api, node1, node2, node3: " in said
            # Asked in there: the namespace's libvirt is not the one that this test would ask.
            shown = json.loads(do(own, "status", "--json"))
            assert {machine["state"] for machine in shown["machines"]} == {"running"}
            played = do(own, "demo", "reconciliation", "--mode", "pull", "--json")
            assert json.loads(played[played.index("\n{") :])["as_expected"] is True
            attempts = plane.attempts()
        finally:
            plane.run(*LAB, "down", cwd=checkout, timeout_s=limit_s, check=False)
        assert set(attempts.values()) == {0}, attempts


@pytest.mark.parametrize(
    ("host", "counter"),
    [
        ("192.0.2.1", "IpOutNoRoutes"),
        ("2001:db8::1", "Ip6OutNoRoutes"),
        ("example.org", "IpOutNoRoutes"),
    ],
    ids=["an address", "an address of IPv6", "a name"],
)
def test_an_attempt_to_leave_is_seen(lab, host, counter):
    """Without this the test above could not fail."""
    with airplane({}) as plane:
        assert set(plane.attempts().values()) == {0}
        leave = f"import socket; socket.create_connection(({host!r}, 80), 5)"
        said = plane.run(sys.executable, "-c", leave, cwd=ROOT, timeout_s=60, check=False)
        assert "Traceback" in said, "somebody answered"
        assert plane.attempts()[counter] > 0

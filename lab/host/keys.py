"""The lab's SSH keys: made here, once per checkout, handed to each machine at boot.

Every host key is known before its machine exists, so nothing is ever accepted on first use.
"""

from pathlib import Path

from lab import paths
from provisioning.run import run
from provisioning.topology import Machine, Topology

KEYS = paths.STATE / "keys"
USER_KEY = KEYS / "user"
_PUSH_KEY = KEYS / "push"
KNOWN_HOSTS = KEYS / "known_hosts"


def ensure(topology: Topology) -> None:
    """Make every key that is missing, and the list of known hosts. Idempotent."""
    KEYS.mkdir(parents=True, exist_ok=True, mode=0o700)
    hosts = [_host_key(machine) for machine in topology.machines]
    for key, comment in [(USER_KEY, "lab-user"), (_PUSH_KEY, "lab-push")]:
        _make(key, comment)
    for key in hosts:
        _make(key, key.name)
    KNOWN_HOSTS.write_text(
        "".join(
            f"{machine.name},{machine.management} {_public(_host_key(machine))}\n"
            for machine in topology.machines
        )
    )


def credentials(machine: Machine, topology: Topology) -> dict[str, str]:
    """Return name -> content of the system credentials that `machine` boots with."""
    user = _public(USER_KEY)
    files = {"lab.ssh-host-key": _host_key(machine).read_text()}
    if machine.role == "api":
        files["lab.authorized-keys"] = f"{user}\n"
        files["lab.push-key"] = _PUSH_KEY.read_text()
        # Push reaches the nodes over the lab's own network, where the faults are.
        files["lab.known-hosts"] = "".join(
            f"{node.address} {_public(_host_key(node))}\n" for node in topology.nodes
        )
    else:
        only = f'restrict,from="{topology.api.address}"'
        files["lab.authorized-keys"] = f"{user}\n{only} {_public(_PUSH_KEY)}\n"
    return files


def _host_key(machine: Machine) -> Path:
    return KEYS / f"host-{machine.name}"


def _public(key: Path) -> str:
    """The public half as TYPE BASE64, without its comment."""
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])


def _make(key: Path, comment: str) -> None:
    if not key.exists() or not key.with_name(f"{key.name}.pub").exists():
        key.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(key)])

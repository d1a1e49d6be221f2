"""Ansible in an environment of its own, as what push is measured against."""

import json
import os
import shlex
import subprocess
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from lab.host import settings
from lab.machines import remote
from provisioning.topology import Machine
from services.core.errors import LabError

# The newest that runs on the host's Python and knows the guests'.
_PACKAGE = "ansible-core>=2.18"
_INSTALL_S = 600.0
_REMOTE_FOLDER = "/tmp/lab-bench-ansible"  # noqa: S108 - in the guests, for as long as a play


class Ansible:
    """ansible-core in `folder`, and an inventory of `nodes`, which it reaches as `lab` does.

    Raises LabError if it cannot be installed.
    """

    def __init__(self, folder: Path, nodes: Sequence[Machine]) -> None:
        self._folder = folder
        self._nodes = tuple(nodes)
        venv.create(folder / "venv", with_pip=True)
        pip = [str(folder / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        self._run([*pip, _PACKAGE], _INSTALL_S, hint="is PyPI reachable? pip has its own settings")

    def start(self, names: Sequence[str], limit_s: float) -> float:
        """Start `names`, shared out evenly, in one play over all nodes; return its seconds.

        The whole `ansible-playbook`, as one would call it; without gathering facts, which only
        costs time here. Raises LabError if the play fails or takes longer than `limit_s`.
        """
        (self._folder / "play.json").write_text(json.dumps(playbook()))
        (self._folder / "nodes.json").write_text(json.dumps(inventory(self._nodes, names)))
        command = [str(self._folder / "venv/bin/ansible-playbook"), "--inventory"]
        command += [str(self._folder / "nodes.json"), "--forks", str(len(self._nodes))]
        began_s = time.monotonic()
        try:
            self._run([*command, str(self._folder / "play.json")], limit_s, hint="lab status")
            return time.monotonic() - began_s
        finally:
            remote.run_all(self._nodes, ["rm", "-rf", _REMOTE_FOLDER])

    def _run(self, command: Sequence[str], limit_s: float, *, hint: str) -> None:
        try:
            done = subprocess.run(
                command,
                env=environment(self._folder),
                cwd=self._folder,
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"{Path(command[0]).name}: {error}", hint=hint) from None
        if done.returncode:
            printed = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise LabError(f"{Path(command[0]).name} failed: {printed}", hint=hint)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of our own, without the user's settings for Ansible."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return own | {
        # There is no such file. Ansible refuses /dev/null, because of its ending.
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        # As its default, but for how long a connection outlives the play.
        "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto -o ControlPersist=10s",
        "LC_ALL": "C.UTF-8",
    }


def playbook() -> list[dict[str, object]]:
    """Return the play: the systemd module in a loop, over the names of each node."""
    unit = "push-container@{{ item }}.service"
    task = {"ansible.builtin.systemd": {"name": unit, "state": "started"}, "loop": "{{ names }}"}
    return [{"hosts": "all", "gather_facts": False, "tasks": [task]}]


def inventory(nodes: Sequence[Machine], names: Sequence[str]) -> dict[str, object]:
    """Return the inventory: `nodes`, each with its share of `names`, in turn."""
    common = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_remote_tmp": _REMOTE_FOLDER,
        "ansible_ssh_common_args": f"-F {shlex.quote(str(settings.SSH_CONFIG))}",
    }
    hosts = {
        node.name: {**common, "names": list(names[at :: len(nodes)])}
        for at, node in enumerate(nodes)
    }
    return {"all": {"hosts": hosts}}

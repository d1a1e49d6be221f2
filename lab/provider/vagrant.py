"""The machines, made by Vagrant and vagrant-libvirt, switched by libvirt.

Vagrant creates and deletes: what it made, `vagrant halt|up|ssh|destroy` knows. What the lab
does often goes to libvirt directly, because the `vagrant` command takes 2 s before it begins.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab import paths, remote, waiting
from lab.host.virsh import domains, virsh
from lab.provider import console
from lab.speed import deadline_s
from provisioning import topology as topology_file
from provisioning.box.build import NAME, Box
from provisioning.run import ToolFailed
from provisioning.topology import Machine, Topology
from services.core.errors import NodeUnreachable

# With KVM; lab.speed scales them.
_UP_S = 25
_BOOT_S = 20
_HALT_S = 10
# Not scaled: somebody waits at a terminal, and the next run clears up what this one could not.
_CLEAN_UP_S = 8
_POOL = "default"


def machine_states(topology: Topology) -> dict[str, str]:
    """Return machine name -> "running", "off" or "absent", for every machine of the topology."""
    found = domains(f"{topology.lab}_")
    states = {}
    for machine in topology.machines:
        state = found.get(machine.name)
        states[machine.name] = (
            "absent" if state is None else "off" if state in ("shut off", "crashed") else "running"
        )
    return states


def create(names: Sequence[str]) -> None:
    """Create and boot the machines `names`. Raises ToolFailed with the log's end.

    Idempotent for machines that Vagrant knows; see `forget` for those it does not.
    """
    _vagrant(["up", *names], timeout_s=deadline_s(_UP_S))


def start(name: str) -> None:
    """Boot the machine `name` again; returns once SSH answers. Idempotent."""
    topology = topology_file.load()
    machine = topology.machine(name)
    if machine_states(topology)[name] == "off":
        virsh("start", _domain(topology, name))
    await_ssh(machine)


def await_ssh(machine: Machine) -> None:
    """Return once `machine` runs a command; raises TookTooLong, with the console's end as hint."""

    def answers() -> bool:
        try:
            remote.run(machine, ["true"], timeout_s=deadline_s(2))
        except NodeUnreachable:
            return False
        return True

    waiting.until(
        answers,
        f"{machine.name} answers over SSH",
        timeout_s=deadline_s(_BOOT_S),
        hint=f"its console ends with: {console.tail(machine.name)}",
    )


def cut(name: str) -> None:
    """Pull the plug of `name`: no shutdown, no last word. Idempotent."""
    topology = topology_file.load()
    machine = topology.machine(name)
    if machine_states(topology)[name] == "running":
        virsh("destroy", _domain(topology, name))
    remote.disconnect(machine)


def halt(name: str) -> None:
    """Shut `name` down in an orderly way; returns once it is off. Idempotent."""
    topology = topology_file.load()
    machine = topology.machine(name)
    if machine_states(topology)[name] == "running":
        virsh("shutdown", _domain(topology, name))
        waiting.until(
            lambda: machine_states(topology)[name] == "off",
            f"{name} is off",
            timeout_s=deadline_s(_HALT_S),
            hint=f"pull its plug instead: lab chaos halt {name}",
        )
    remote.disconnect(machine)


def strangers(topology: Topology) -> dict[str, Path]:
    """Return the lab's machines that this checkout's Vagrant knows nothing of, and who made them.

    Machine name -> the Vagrantfile that it came from: our own one for what a killed run left.
    """
    found = {}
    for name in domains(f"{topology.lab}_"):
        domain = _domain(topology, name)
        if _vagrant_id(name) != virsh("domuuid", domain).strip():
            found[name] = Path(virsh("desc", domain).strip().removeprefix("Source: "))
    return found


def delete(topology: Topology, name: str) -> None:
    """Delete the machine `name`, its disk, and Vagrant's memory of it, whoever made it."""
    domain = _domain(topology, name)
    state = domains(f"{topology.lab}_").get(name)
    if state == "running":
        virsh("destroy", domain)
    if state is not None:
        virsh("undefine", domain, "--managed-save", "--snapshots-metadata")
    if _POOL in virsh("pool-list", "--name").split():
        virsh("pool-refresh", _POOL)
        if f"{domain}.img" in virsh("vol-list", _POOL):
            virsh("vol-delete", f"{domain}.img", "--pool", _POOL)
    shutil.rmtree(paths.ROOT / ".vagrant/machines" / name, ignore_errors=True)


def ensure_pool() -> None:
    """Make sure that libvirt has its default pool, and that it is active. Idempotent."""
    if _POOL not in virsh("pool-list", "--all", "--name").split():
        folder = Path("/var/lib/libvirt/images")
        virsh("pool-define-as", _POOL, "dir", "--target", str(folder))
        virsh("pool-build", _POOL)
        virsh("pool-autostart", _POOL)
    if _POOL not in virsh("pool-list", "--name").split():
        virsh("pool-start", _POOL)


def ensure_box(box: Box) -> None:
    """Make the box known to Vagrant, under its version. Idempotent."""
    home = Path(os.environ.get("VAGRANT_HOME", Path.home() / ".vagrant.d"))
    if (home / "boxes" / NAME / box.version / "libvirt/metadata.json").exists():
        return
    provider = {"name": "libvirt", "url": box.file.as_uri()}
    catalog = {"name": NAME, "versions": [{"version": box.version, "providers": [provider]}]}
    file = box.folder / "catalog.json"
    file.write_text(json.dumps(catalog))
    _vagrant(["box", "add", "--force", str(file)], timeout_s=120)


def _vagrant(words: Sequence[str], *, timeout_s: float) -> None:
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    log = paths.LOGS / "vagrant.log"
    environment = {
        **os.environ,
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "VAGRANT_DEFAULT_PROVIDER": "libvirt",
        "VAGRANT_CWD": str(paths.ROOT),
    }
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                ["vagrant", *words, "--no-color"],
                env=environment,
                stdin=subprocess.DEVNULL,
                # To a file: the upload of the box prints a line per megabyte.
                stdout=output,
                stderr=output,
                # Of its own: at a second Ctrl-C Vagrant drops everything where it stands.
                start_new_session=True,
            )
        except FileNotFoundError:
            raise ToolFailed(["vagrant"], 127, "command not found", "lab doctor --fix") from None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = 124
        finally:
            _end(process)
    if code:
        text = log.read_text(errors="replace")
        raise ToolFailed(["vagrant", *words], code, text, f"the whole log: {log}; then: lab up")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let Vagrant clean up if it still runs, for a moment; then end it and its children."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _domain(topology: Topology, name: str) -> str:
    return f"{topology.lab}_{name}"


def _vagrant_id(name: str) -> str | None:
    file = paths.ROOT / ".vagrant/machines" / name / "libvirt/id"
    return file.read_text().strip() if file.exists() else None

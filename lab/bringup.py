"""Bring the lab up and take it down: what `lab up` and `lab down` do, in phases."""

from functools import partial
from pathlib import Path

from lab import deploy, forward, paths, waiting
from lab.client import connect
from lab.host import accel, daemons, netns, networks, settings, virsh
from lab.progress import Progress
from lab.provider import boxes, vagrant
from lab.speed import deadline_s
from provisioning import topology as topology_file
from provisioning.box import build as box_build
from provisioning.topology import Topology
from services.core.errors import ApiRefused, ApiUnreachable, LabError
from services.core.model import Health

_ANSWER_S = 20


class ForeignLab(LabError):
    """Machines of this lab that run, made by another checkout."""

    def __init__(self, makers: dict[str, Path]) -> None:
        folders = sorted({str(maker.parent) for maker in makers.values()})
        super().__init__(
            f"machines of another checkout are running: {', '.join(makers)} of {folders[0]}",
            hint="use that one, or let `lab down` delete them, whoever made them",
        )
        self.makers = makers


def up(mode: str, profile: str, progress: Progress) -> None:
    """Bring the lab up in `mode` under the timing `profile`, doing only what is missing.

    Idempotent, and safe to interrupt at any point: the next run goes on from what there is.
    Phases: prepare, boot, provision, switch, answer.
    """
    topology = topology_file.load()
    with progress.phase("prepare"):
        _prepare(topology, progress)
    with progress.phase("boot"):
        _boot(topology, progress)
    with progress.phase("provision"):
        updated = deploy.deploy(topology, profile, progress)
        progress(f"updated: {', '.join(updated)}" if updated else "every machine is up to date")
    with progress.phase("switch"):
        deploy.switch(topology.machines, mode)
    with progress.phase("answer"):
        forward.ensure(topology)
        _await_answers(topology, mode)


def down(progress: Progress) -> None:
    """Delete the machines, the networks and whatever the lab runs on the host. Idempotent."""
    topology = topology_file.load()
    forward.stop()
    namespace = settings.namespace_of(topology)
    if namespace is not None and netns.exists(namespace):
        # QEMU outlives a libvirtd that crashed; only a libvirtd can find it again.
        daemons.ensure(namespace)
    elif namespace is not None:
        progress("nothing is up: there is no namespace of the lab's")
        return
    with progress.phase("delete"):
        names = list(virsh.domains(f"{topology.lab}_"))
        for name in names:
            vagrant.delete(topology, name)
        progress(f"deleted: {', '.join(names) or 'nothing, there was nothing'}")
        networks.remove(topology)
    if daemons.ours() and not virsh.domains(""):
        with progress.phase("stop libvirt"):
            daemons.stop()
            if namespace is not None:
                netns.remove(namespace)


def _prepare(topology: Topology, progress: Progress) -> None:
    """Everything below the machines: box, accelerator, libvirt, networks, keys, settings."""
    box = box_build.build(progress)
    chosen = accel.choose(box.folder / "vmlinuz", paths.STATE / "accel.json")
    progress(f"accelerator: {chosen.why}")
    namespace = netns.wanted(topology)
    if namespace is not None:
        daemons.ensure(namespace)
    # Before anything of theirs is overwritten.
    _clear_strangers(topology, progress)
    forward.check(topology)
    settings.write(topology, box, chosen, namespace)
    networks.ensure(topology)
    boxes.ensure_pool()
    if set(vagrant.machine_states(topology).values()) == {"absent"}:
        boxes.prune(box)
    boxes.ensure_box(box)
    outdated = boxes.outdated(box)
    if outdated:
        progress(
            f"{', '.join(outdated)} stand on an older box; what changed in the image "
            "itself reaches them with: lab down && lab up both"
        )


def _clear_strangers(topology: Topology, progress: Progress) -> None:
    """Delete what a killed run or a deleted checkout left behind; refuse to touch what runs."""
    states = virsh.domains(f"{topology.lab}_")
    strangers = vagrant.strangers(topology)
    foreign = {
        name: maker
        for name, maker in strangers.items()
        if states[name] not in vagrant.OFF
        and maker.exists()
        and maker != paths.ROOT / "Vagrantfile"
    }
    if foreign:
        raise ForeignLab(foreign)
    for name, maker in strangers.items():
        progress(f"deleting {name}: left behind by {maker.parent}")
        vagrant.delete(topology, name)


def _boot(topology: Topology, progress: Progress) -> None:
    states = vagrant.machine_states(topology)
    absent = [name for name, state in states.items() if state == "absent"]
    if absent:
        for name in absent:  # A disk or a note without its machine would stop Vagrant.
            vagrant.delete(topology, name)
        progress(f"creating {', '.join(absent)}")
        vagrant.create(absent)
    others = [name for name, state in states.items() if state != "absent"]
    off = [name for name in others if states[name] == "off"]
    progress(f"booting {', '.join(off)}" if off else f"running: {', '.join(states)}")
    vagrant.start(*others)


def _await_answers(topology: Topology, mode: str) -> None:
    """Return once the APIs of `mode` answer from here and, for pull, every node has reported."""
    modes = deploy.MODES[mode]
    for name in modes:
        waiting.until(
            partial(_answers, topology, name),
            f"the {name} API answers and knows its nodes",
            timeout_s=deadline_s(_ANSWER_S),
            hint=f"lab logs {topology.api.name} --unit {name}-api",
        )


def _answers(topology: Topology, mode: str) -> bool:
    """Whether the API of `mode` answers and has heard from every node."""
    push, pull = connect(topology)
    try:
        if mode == "push":
            return not push.running().unreachable
        return {node.name for node in pull.nodes().nodes if node.health is not Health.DOWN} >= {
            node.name for node in topology.nodes
        }
    except (ApiUnreachable, ApiRefused):
        return False

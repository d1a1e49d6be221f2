"""Bring the lab up and take it down: what `lab up`, `lab reset` and `lab down` do, in phases."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lab.bringup import deploy
from lab.bringup.prepare import prepare
from lab.bringup.restore import restore
from lab.host import daemons, forward, netns, settings, virsh
from lab.host.speed import deadline_s
from lab.machines import boxes, inventory, vagrant
from lab.planes import answers
from lab.snapshot import fresh, store, thaw
from lab.snapshot.fresh import Wish
from lab.snapshot.state import State
from lab.snapshot.store import Store
from lab.terminal.progress import Progress
from provisioning import topology as topology_file
from provisioning.box import build as box_build
from provisioning.box import sbom
from provisioning.box.build import Box
from provisioning.guest import source
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.profiles import DEFAULT_PROFILE

# What the services of a new machine take from the end of its boot, and some more.
_SOON_S = 5.0


def up(
    mode: str, profile: str, progress: Progress, *, cold: bool = False, anew: bool = False
) -> None:
    """Bring the lab up in `mode` under the timing `profile`, doing only what is missing.

    Idempotent, and safe to interrupt at any point: the next run goes on from what there is. Where
    no machine exists, the lab that an earlier `up` kept is thawed, if it is made of just what a new
    one would be made of; not if `cold`. anew: whatever machines there are give way.
    Phases: box, if it must be built; prepare; verify and thaw, or boot; provision and switch if
    needed, after the answer where new machines begin by themselves; answer, freeze and seal.
    """
    topology, wish = topology_file.load(), Wish(mode, profile)
    modes = deploy.MODES[mode]
    if not box_build.exists(box_build.wanted()):
        with progress.phase("box"):
            box_build.build(progress)
    with store.verifying(_likely(topology, cold=cold, anew=anew)) as verify:
        with progress.phase("prepare"):
            box = prepare(topology, progress, modes=_born_with(wish))
        folder = _frozen(topology, box, cold=cold, anew=anew)
        saved = _bring(topology, folder, box, wish, progress, verify) if folder else None
    if saved is None:
        with progress.phase("boot"):
            if folder or anew:
                gone = inventory.ours(topology).clear(networks=False)
                progress(f"deleted: {', '.join(gone) or 'nothing, there was nothing'}")
            created = _boot(topology, progress)
    nodes = [node.name for node in topology.nodes]
    as_asked = saved is not None and fresh.same(saved, wish, modes)
    new = saved is None and created
    # To look whether they are up to date costs each machine a login, which can wait until then.
    begun = new and _begins(box, wish) and _answer_soon(topology, modes, nodes, progress)
    settled = not as_asked and _settle(topology, wish, progress, new=new)
    if settled or not begun:
        _answer(topology, modes, nodes, saved, progress)
    fresh.remember(wish)
    nothing_declared = created if saved is None else folder == fresh.folder()
    if nothing_declared and not as_asked:
        fresh.keep(topology, wish, progress)


def reset(progress: Progress) -> None:
    """Return to the lab as it was right after the latest `up`; raises NeverUp."""
    wish = fresh.remembered()
    up(wish.mode, wish.profile, progress, anew=True)


def goto(kept: Store, name: str, progress: Progress) -> State:
    """Replace whatever runs by the lab that was saved as `name`; return it.

    Returns once what answered when it was saved answers again.
    Phases: verify, prepare, thaw, answer.
    """
    topology = topology_file.load()
    saved = restore(topology, kept.path(name), progress)
    running = [node.name for node in topology.nodes if node.name in saved.running]
    _answer(topology, saved.answering, running, saved, progress)
    return saved


def down(progress: Progress) -> None:
    """Delete the machines, the networks and whatever the lab runs on the host. Idempotent."""
    topology = topology_file.load()
    forward.stop()
    thaw.clear_mark()
    namespace = settings.namespace_of(topology)
    if namespace is not None and (netns.exists(namespace) or inventory.traces(topology)):
        # QEMU outlives a libvirtd that crashed, and files a computer that was switched off; only
        # a libvirtd can find what they belong to.
        daemons.ensure(namespace)
    elif namespace is not None:
        progress("nothing is up: there is no namespace of the lab's")
        return
    with progress.phase("delete"):
        boxes.ensure_pool()
        names = inventory.ours(topology).clear()
        progress(f"deleted: {', '.join(names) or 'nothing, there was nothing'}")
    if daemons.ours() and not virsh.domains(""):
        with progress.phase("stop libvirt"):
            daemons.stop()
            if namespace is not None:
                netns.remove(namespace)


def _frozen(topology: Topology, box: Box, *, cold: bool, anew: bool) -> Path | None:
    """Return the frozen lab that the machines should come from; None: what is there boots."""
    cut_short = thaw.cut_short()
    if cut_short and not anew:
        return cut_short
    nothing = set(vagrant.machine_states(topology).values()) == {"absent"}
    return fresh.folder() if not cold and (anew or nothing) and fresh.usable(box) else None


def _likely(topology: Topology, *, cold: bool, anew: bool) -> Path | None:
    """Return what `_frozen` will say, as far as can be told before libvirt runs; or None."""
    if cold or fresh.NAME not in store.frozen().names():
        return None
    return fresh.folder() if anew or not inventory.traces(topology) else None


def _born_with(wish: Wish) -> tuple[str, ...]:
    """The modes that new machines may start by themselves: the box has one profile only."""
    return deploy.MODES[wish.mode] if wish.profile == DEFAULT_PROFILE else ()


def _begins(box: Box, wish: Wish) -> bool:
    """Whether new machines on `box` start what `wish` asks for by themselves: it has our code."""
    return bool(_born_with(wish)) and sbom.code(box.folder) == source.digest()


def _bring(
    topology: Topology,
    folder: Path,
    box: Box,
    wish: Wish,
    progress: Progress,
    verify: Callable[[Path], State],
) -> State | None:
    """Thaw `folder`; None if that cannot be: a cold boot does it as well."""
    try:
        return restore(topology, folder, progress, box, verify)
    except LabError as error:
        progress(f"cannot be thawed, so the lab boots cold: {error}")
        thaw.clear_mark()
        if folder == fresh.folder():
            fresh.forget()
        prepare(topology, progress, box, _born_with(wish))
        return None


def _boot(topology: Topology, progress: Progress) -> bool:
    """Create what is absent, boot what is off; return whether every machine was created."""
    states = vagrant.machine_states(topology)
    absent = [name for name, state in states.items() if state == "absent"]
    if absent:
        progress(f"creating {', '.join(absent)}")
        vagrant.create(absent)
    others = [name for name, state in states.items() if state != "absent"]
    off = [name for name in others if states[name] == "off"]
    progress(f"booting {', '.join(off)}" if off else f"running: {', '.join(states)}")
    vagrant.start(*others)
    return not others


def _settle(topology: Topology, wish: Wish, progress: Progress, *, new: bool) -> bool:
    """Bring code, profile and tokens up to date and switch to the mode; return whether it did.

    new: all machines are; what they were born with starts its modes by itself.
    """
    with progress.phase("provision"):
        updated = deploy.deploy(topology, wish.profile, progress)
        progress(f"updated: {', '.join(updated)}" if updated else "every machine is up to date")
    if new and _born_with(wish) and not updated:
        return False
    with progress.phase("switch"):
        deploy.switch(topology.machines, wish.mode)
    return True


def _answer_soon(
    topology: Topology, modes: Sequence[str], nodes: Sequence[str], progress: Progress
) -> bool:
    """Return whether new machines did by themselves all that one waits for; or look at them."""
    with progress.phase("answer"):
        forward.ensure(topology)
        return answers.come(topology, modes, nodes, deadline_s(_SOON_S))


def _answer(
    topology: Topology,
    modes: Sequence[str],
    nodes: Sequence[str],
    thawed: State | None,
    progress: Progress,
) -> None:
    """Return once the APIs of `modes` answer here and know `nodes`; what was thawed hears of it."""
    with progress.phase("answer"):
        forward.ensure(topology)
        answers.await_answers(topology, modes, nodes)
        if thawed is not None:
            thaw.served(topology, thawed)

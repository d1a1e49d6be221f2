"""What `lab up`, `lab reset`, `lab thaw` and `lab down` do."""

from collections.abc import Sequence
from pathlib import Path

from lab.bringup import look, plan
from lab.bringup.perform import Run, check
from lab.bringup.plan import Act, Asked, Found, Step
from lab.host import forward
from lab.machines.choice import check_saves, chosen
from lab.snapshot import initial, store, thaw
from lab.snapshot.initial import Request
from lab.snapshot.state import State
from lab.snapshot.store import Store
from lab.terminal.progress import Progress
from provisioning import topology as topology_file
from services.core.errors import LabError


def up(mode: str, profile: str, progress: Progress, *, cold: bool = False) -> None:
    """Return once the lab runs in `mode` under the timing `profile`; do only what is missing.

    Idempotent, and safe to interrupt at any point: the next run goes on from what there is. Where
    no machine exists, the initial lab is thawed if it is made of what a new one would be made of;
    not if `cold`. The steps and their order: lab.bringup.plan.
    """
    _reach(Asked(mode, profile, cold=cold), progress)


def reset(progress: Progress) -> None:
    """Return to the lab as it was right after the latest `up`; LabError where there was none."""
    _reach(_as_before(), progress)


def steps_up(mode: str, profile: str, *, cold: bool = False) -> tuple[Step, ...]:
    """Return what `up` would do now. Changes nothing."""
    return plan.decide(look.look(topology_file.load()), Asked(mode, profile, cold=cold))


def steps_reset() -> tuple[Step, ...]:
    """Return what `reset` would do now. Changes nothing."""
    return plan.decide(look.look(topology_file.load()), _as_before())


def steps_thaw(labs: Store, name: str) -> tuple[Step, ...]:
    """Return what `goto` would do now. Changes nothing."""
    check_saves()
    return plan.saved(labs.path(name), labs.read(name).answering)


def goto(labs: Store, name: str, progress: Progress) -> State:
    """Replace all machines by the lab that was saved as `name`; return it.

    Returns once what answered when it was saved answers again.
    """
    check_saves()
    state = labs.read(name)
    mode = next((mode for mode, modes in plan.MODES.items() if modes == state.modes), "both")
    run = Run(topology_file.load(), Asked(mode, state.profile, replace=True), progress)
    steps = steps_thaw(labs, name)
    check(steps)
    run.perform(steps)
    return state


def down(progress: Progress) -> None:
    """Delete the machines, the networks and whatever the lab runs on the host. Idempotent."""
    topology, provider = topology_file.load(), chosen()
    forward.stop()
    with progress.phase("delete"):
        names = provider.delete(topology, ground=True)
        progress(f"deleted: {', '.join(names) or 'nothing, there was nothing'}")
    # Not before: what is left of two labs is no lab.
    thaw.clear_mark()
    provider.release(topology, progress)


def _as_before() -> Asked:
    request = initial.remembered()
    return Asked(request.mode, request.profile, replace=True)


def _reach(asked: Asked, progress: Progress) -> None:
    """Look, plan, and perform: the ground first, after which more may be known of the machines."""
    topology = topology_file.load()
    found = look.look(topology)
    steps = plan.machines(found, asked)
    check((*plan.ground(found), *steps))
    run = Run(topology, asked, progress)
    with store.verifying(_thawed_first(steps)) as run.verify:
        run.perform(plan.ground(found))
        states = look.states(topology)
        if states != found.states:
            found = found._replace(states=states)
            steps = plan.machines(found, asked)
            check(steps)
        initial.remember(Request(asked.mode, asked.profile))
        run.perform(_after_thaw(run, steps, found))
    thaw.clear_mark()


def _thawed_first(steps: Sequence[Step]) -> Path | None:
    """The saved lab that `steps` begin with, if any."""
    return Path(steps[0].names[0]) if steps[0].act is Act.THAW else None


def _after_thaw(run: Run, steps: Sequence[Step], found: Found) -> Sequence[Step]:
    """Perform the thaw that `steps` may begin with; return what is left to do.

    After a thaw that failed, that is a new plan: a cold boot.
    """
    folder = _thawed_first(steps)
    if folder is None:
        return steps
    try:
        run.perform(steps[:1])
    except LabError as error:
        run.progress(f"cannot be thawed, so the lab boots cold: {error}")
        if folder == initial.folder():
            initial.delete()
        found = found._replace(states=look.states(run.topology))
        cold = plan.decide(found, run.asked._replace(cold=True, replace=True))
        check(cold)
        return cold
    return steps[1:]

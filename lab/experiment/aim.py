"""Which machines a step's fault hits, and the command that a person could have typed for a step."""

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lab.experiment import actions
from lab.experiment.parse import Step
from lab.experiment.setting import Setting
from lab.faults import catalogue, plan, targets
from lab.faults.plan import API, complete
from lab.history.recording import Recording
from provisioning.topology import Machine
from services.core.errors import LabError


class Aim(NamedTuple):
    """A fault and the machines that it hits now. options: those that the step gives."""

    fault: str
    targets: list[Machine]
    options: Mapping[str, str]


def aim(step: Step, setting: Setting, recording: Recording) -> Aim | None:
    """Return what the fault of `step` hits now; None where its mode is not played.

    Raises LabError if there is nothing to hit.
    """
    fault = catalogue.find(step["fault"])
    given = {key: str(value) for key, value in step.get("options", {}).items()}
    options = complete(fault, given)
    if options.get("mode", "both") not in ("both", *setting.modes):
        return None
    if fault.aims == API:
        found = [setting.lab.api]
    elif "target" in step:
        found = targets.choose(
            step["target"], setting.lab.machines, setting.seed, _loads(setting, recording)
        )
    else:
        found = _hosting(setting, recording, options)
    return Aim(fault.name, found, given)


def typed(step: Step, find: Callable[[], Aim | None], recording: Recording) -> str:
    """Return the commands by which a person does what `step` does; empty where it only waits.

    find: returns what its fault hits.
    """
    if "fault" in step:
        return _chaos(find())
    if "undo" in step:
        return "lab heal"
    return "; ".join(
        actions.curl(recording, mode, name, wanted=key == "declare")
        for key in ("declare", "delete")
        for mode in recording.modes
        for name in step.get(key, ())
    )


def _chaos(hit: Aim | None) -> str:
    if hit is None:
        return ""
    fault = catalogue.find(hit.fault)
    commands = (plan.typed(fault, machine.name, hit.options) for machine in hit.targets)
    return "; ".join(map(shlex.join, commands))


def _hosting(setting: Setting, recording: Recording, options: Mapping[str, str]) -> list[Machine]:
    """Return the nodes where the container that `options` name runs."""
    names: Sequence[str] = recording.where(options["mode"]).get(options["name"], ())
    if not names:
        raise LabError(
            f"{options['name']} of {options['mode']} runs nowhere: nothing can be hit",
            hint="lab status shows what runs; lab heal, then again",
        )
    return [setting.lab.machine(name) for name in names]


def _loads(setting: Setting, recording: Recording) -> Counter[str]:
    """Return node -> how many containers run there, of all modes."""
    return Counter(
        node for mode in setting.modes for nodes in recording.where(mode).values() for node in nodes
    )

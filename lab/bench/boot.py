"""`lab bench up`: from a present box to all services answering, phase by phase."""

from lab import bringup
from lab.bench.stats import Summary, by_name, summary
from lab.progress import Progress

TOTAL = "total"


def measure(mode: str, profile: str, runs: int, progress: Progress) -> dict[str, Summary]:
    """Take the lab down and bring it up `runs` times; return phase -> seconds, and TOTAL.

    What was declared in the lab is lost. An error or Ctrl-C ends the whole measurement.
    """
    measured = []
    for run in range(1, runs + 1):
        progress(f"run {run} of {runs}: take the lab down")
        bringup.down(Progress())
        phases = Progress()
        with phases.phase(TOTAL):
            bringup.up(mode, profile, phases)
        measured.append(phases.seconds)
    summaries = {phase: summary(values) for phase, values in by_name(measured).items()}
    return {phase: found for phase, found in summaries.items() if found is not None}

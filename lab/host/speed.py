"""Deadlines that fit the machine: counted in seconds on KVM, scaled by what was measured."""

from lab.host import settings


def deadline_s(seconds_on_kvm: float) -> float:
    """Return how long to wait here for what takes at most `seconds_on_kvm` with KVM.

    Only deadlines scale. Periods and leases are the lab's subject and stay what they are.
    """
    return seconds_on_kvm * settings.load().accel.slowness

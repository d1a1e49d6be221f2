"""A timing profile as systemd drop-ins: the only way durations get into units."""

from services.core.profiles import Profile


def drop_ins(profile: Profile) -> dict[str, str]:
    """Return path -> content of the timers' drop-ins for `profile`."""
    periods = {
        "pull-agent": profile.agent_s,
        "pull-scheduler": profile.scheduler_s,
        "pull-node-controller": profile.controller_s,
    }
    return {
        f"etc/systemd/system/{timer}.timer.d/profile.conf": (
            f"# Profile {profile.name!r} of services/core/profiles.py.\n"
            f"[Timer]\nOnUnitInactiveSec={period_s:g}s\n"
        )
        for timer, period_s in periods.items()
    }


def environment(profile: Profile, api: str) -> str:
    """Return profile.env: what the services must know. api: ADDRESS:PORT of the state server."""
    return f"LAB_PROFILE={profile.name}\nLAB_API={api}\n"

"""What the host needs before a lab can run on it: packages, a folder, a Python environment."""

from pathlib import Path

# What QEMU opens itself, as another user where a system-wide libvirt runs it; and the lock.
SHARED = Path("/var/lib/pushpull-lab")

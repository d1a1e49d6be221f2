"""`fab` looks for this name; the tasks are in tasks.py."""

from tasks import demo, down, heal, logs, ssh, status, test, up

__all__ = ["demo", "down", "heal", "logs", "ssh", "status", "test", "up"]

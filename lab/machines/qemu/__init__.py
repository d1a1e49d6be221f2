"""Machines of plain QEMU, for a user who may not become root: nothing is needed but QEMU."""

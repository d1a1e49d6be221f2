"""Which QEMU the machines run under: ours with a bounded cache, unless AppArmor forbids it."""

import pytest

from lab import paths
from lab.host import settings
from provisioning.host import access


@pytest.mark.parametrize(
    ("namespace", "confined", "ours"),
    [("pushpull", True, True), (None, False, True), (None, True, False)],
    ids=["the lab's own libvirt", "the system's", "the system's, confined by AppArmor"],
)
def test_the_cache_is_bounded_wherever_libvirt_may_run_our_script(
    monkeypatch, tmp_path, namespace, confined, ours
):
    monkeypatch.setattr(paths, "SHARED", tmp_path)
    monkeypatch.setattr(access, "confined", lambda: confined)
    emulator = settings._emulator(namespace)
    assert (emulator is not None) is ours
    assert ours == any((tmp_path / "boot").glob("qemu-bounded-*"))

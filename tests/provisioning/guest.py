"""An unpacked guest in miniature: what the manifest of a box looks at."""

import json
import os

EPOCH_S = 1_700_000_000
SHA256 = "cd" * 32


def make(root):
    """Write the guest below `root` and return it."""
    site = root / "opt/lab/site"
    site.mkdir(parents=True)
    (root / "opt/lab/DIGEST").write_text(f"{'ab' * 32}\n")
    wheels = {"bottle": {"version": "0.13.4", "sha256": SHA256}}
    (site / "wheels.json").write_text(json.dumps(wheels))
    (root / "etc").mkdir()
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/hosts").chmod(0o640)
    (root / "bin").symlink_to("usr/bin")
    (root / "large").write_bytes(bytes(3_000_000))
    at_one_time(root)
    return root


def at_one_time(root):
    for path in [*root.rglob("*"), root]:
        os.utime(path, (EPOCH_S, EPOCH_S), follow_symlinks=False)

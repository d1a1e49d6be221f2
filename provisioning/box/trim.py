"""Take out of an unpacked guest what a lab machine never uses. Only for the box, never live."""

import lzma
import shutil
import subprocess
from pathlib import Path

# Kernel modules that stay: virtio, networking and its faults (netem, nftables), and what
# containers might want. Prefixes below kernel/.
_KEEP_MODULES = (
    "drivers/virtio",
    "drivers/block/virtio_blk",
    "drivers/block/loop",
    "drivers/net/virtio_net",
    "drivers/net/net_failover",
    "drivers/net/veth",
    "drivers/net/dummy",
    "drivers/net/ifb",
    "drivers/net/tun",
    "drivers/net/macvlan",
    "drivers/net/wireguard",
    "drivers/char/hw_random",
    "drivers/firmware/qemu_fw_cfg",
    "drivers/acpi/button",
    "drivers/input/evdev",
    "drivers/ptp",
    "net/core",
    "net/sched",
    "net/netfilter",
    "net/ipv4",
    "net/ipv6",
    "net/bridge",
    "net/8021q",
    "net/802",
    "net/llc",
    "net/packet",
    "fs/overlayfs",
    "fs/fuse",
    "fs/autofs",
    "lib",
    "crypto",
    "arch",
)
_REMOVE = (
    "boot/*",
    "vmlinuz*",
    "initrd*",
    "usr/lib/udev/hwdb.bin",
    "usr/lib/udev/hwdb.d/*",
    "etc/ssh/ssh_host_*",
    "etc/systemd/system/multi-user.target.wants/*",
    "etc/systemd/system/timers.target.wants/*",
    "etc/systemd/system/getty.target.wants/*",
    "etc/systemd/system/sysinit.target.wants/*",
    "var/lib/systemd/random-seed",
    "var/lib/dbus/machine-id",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*.log",
    "var/log/apt/*",
    "usr/share/doc/*/changelog*",
    "usr/share/locale/*",
    "usr/share/nginx/html/*",
)


def trim(root: Path) -> None:
    """Trim the guest under `root` in place."""
    _trim_modules(root)
    for pattern in _REMOVE:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    # Present and empty: a new id at each boot, and no first-boot presets (machine-id(5)).
    (root / "etc/machine-id").write_text("")


def clamp_times(root: Path, epoch_s: int) -> None:
    """Set the modification time of everything newer than `epoch_s` to it, as dpkg-deb does."""
    subprocess.run(
        ["find", str(root), "-xdev", "-newermt", f"@{epoch_s}", "-exec"]
        + ["touch", "-h", "-d", f"@{epoch_s}", "{}", "+"],
        check=True,
    )


def _trim_modules(root: Path) -> None:
    """Drop modules, and unpack those that stay: xz under emulation costs more than the space."""
    (tree,) = (root / "usr/lib/modules").iterdir()
    for path in sorted((tree / "kernel").rglob("*.ko*")):
        if not path.relative_to(tree / "kernel").as_posix().startswith(_KEEP_MODULES):
            path.unlink()
        elif path.suffix == ".xz":
            path.with_suffix("").write_bytes(lzma.decompress(path.read_bytes()))
            path.unlink()
    subprocess.run(["chroot", str(root), "depmod", "-a", tree.name], check=True)

"""Take out of an unpacked guest what a lab machine never uses. Only for the box, never live.

Files go, packages stay: dpkg lists what was installed, and of some packages a part is gone.
Licences (usr/share/doc/*/copyright) stay, and so does what dpkg itself needs, perl above all.
"""

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
    # Not arch as a whole: KVM for guests of guests, counters and sensors of real processors.
    "arch/x86/crypto",
)
# Glob patterns below the root; a folder goes with all that is in it.
_REMOVED = (
    "boot/*",
    "vmlinuz*",
    "initrd*",
    "usr/lib/udev/hwdb.bin",
    "usr/lib/udev/hwdb.d/*",
    # Of the rules those stay that name network cards, load drivers and tell systemd.
    "usr/lib/udev/rules.d/50-firmware.rules",
    "usr/lib/udev/rules.d/6*.rules",
    "usr/lib/udev/rules.d/7[0138]-*.rules",
    "usr/lib/udev/rules.d/75-probe_mtd.rules",
    "usr/lib/udev/rules.d/90-*.rules",
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
    # Tables of iconv(1) for other encodings; UTF-8, UTF-16 and ASCII are in libc itself.
    "usr/lib/x86_64-linux-gnu/gconv/*",
    # Python's own regression tests, and the long texts of help().
    "usr/lib/python3.*/test",
    "usr/lib/python3.*/pydoc_data",
    # Bytecode of a helper of dpkg: its bytes differ from one host of the build to the other.
    "usr/share/python3/debpython/__pycache__",
    # For tools that are not here: other shells, debuggers, editors, reportbug.
    "usr/share/bash-completion",
    "usr/share/zsh",
    "usr/share/fish",
    "usr/share/vim",
    "usr/share/gcc",
    "usr/share/gdb",
    "usr/share/bug",
    # Copies that dpkg and debconf keep of the state before the last package.
    "var/lib/dpkg/*-old",
    "var/cache/debconf/*-old",
    "var/backups/*",
    # Where pip put which file, with hashes of scripts that name the Python of the build.
    "opt/lab/site/*.dist-info/RECORD",
    # Of wheels: their tests, and what only a compiler or a type checker reads.
    "opt/lab/site/**/tests",
    "opt/lab/site/*/testing",
    "opt/lab/site/*-stubs",
    "opt/lab/site/include",
    *(f"opt/lab/site/**/*.{suffix}" for suffix in ("c", "cpp", "h", "hpp", "pyi", "obj", "asm")),
)


def trim(root: Path) -> None:
    """Trim the guest under `root` in place."""
    _trim_modules(root)
    remove(root)
    # Present and empty: a new id at each boot, and no first-boot presets (machine-id(5)).
    (root / "etc/machine-id").write_text("")


def remove(root: Path) -> None:
    """Delete what _REMOVED matches below `root`; links are deleted, never followed. Idempotent."""
    for pattern in _REMOVED:
        # A list: the walk must not meet what was removed behind its back.
        for path in sorted(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


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

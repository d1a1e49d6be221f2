"""Build the untuned box: Debian's packages, Debian's initramfs, the user that Vagrant expects.

Everything that the lab's own box leaves out, masks or hands over is here as Debian and Vagrant
have it: host keys are made at the first boot, host name and addresses come over SSH, and Vagrant
puts a key of its own in place of its well-known one. Built once; the cache keeps it under its key.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

from provisioning.box import cache, ext4, lockfile, tools
from provisioning.box.build import Box, as_root
from provisioning.box.cache import Say
from provisioning.box.packages import SUITE
from provisioning.box.rootfs import EPOCH_S
from provisioning.box.tools import Tools
from provisioning.run import run

NAME = f"{cache.NAME}-untuned"
SIZE_MIB = 2048
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_HERE = Path(__file__).parent
# Vagrant's well-known public key; Vagrant replaces it by a new one when the machine boots.
_PUBLIC_KEY = _HERE / "vagrant.pub"
_FILES = {
    "etc/hostname": "debian\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/fstab": "",
    "etc/sudoers.d/vagrant": "vagrant ALL=(ALL) NOPASSWD:ALL\n",
    # After Vagrant's own 50-vagrant-eth1.network: networkd takes the first that matches.
    "etc/systemd/network/90-first.network": "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n",
    "etc/systemd/system/ssh.service.d/keys.conf": (
        "# A box must not bring a key that every machine would share. One kind: an RSA key would\n"
        "# take an emulated guest a minute, and make the comparison unfair.\n"
        "[Service]\nExecStartPre=\nExecStartPre=/bin/sh -c 'test -e /etc/ssh/ssh_host_ed25519_key "
        '|| exec ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key\'\n'
        "ExecStartPre=/usr/sbin/sshd -t\n"
    ),
}


def wanted() -> Box:
    """Return the untuned box that this checkout asks for, whether it exists or not."""
    total = hashlib.sha256(SUITE.encode())
    for path in sorted(_HERE.iterdir()):
        if path.name in ("build.py", "packages.txt", _PUBLIC_KEY.name):
            total.update(path.read_bytes())
    key = total.hexdigest()[:16]
    return Box(key, cache.folder() / f"untuned-{key}")


def exists(box: Box) -> bool:
    """Return whether `box` is whole in the cache: its metadata is written last."""
    return (box.folder / "metadata.json").exists()


def build(say: Say) -> Box:
    """Build the untuned box if it is not there, and return it. Needs root, as mmdebstrap does.

    Interrupted at any point it leaves the cache as it was.
    """
    box = wanted()
    if exists(box):
        say(f"untuned box {box.key}: built already")
        return box
    if os.geteuid() != 0:
        as_root(__name__, say)
        return box
    say(f"untuned box {box.key}: mmdebstrap {SUITE} ({len(_packages())} packages)")
    with cache.workspace() as work:
        root, out = work / "root", work / "out"
        out.mkdir()
        _root_file_system(root, work / "root.tar")
        say("untuned box: ext4, then qcow2")
        _images(root, out, tools.ready(lockfile.current(lockfile.TOOLS), say))
        for old in cache.folder().glob("untuned-*"):
            shutil.rmtree(old)
        out.rename(box.folder)
    return box


def _packages() -> list[str]:
    lines = (_HERE / "packages.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _root_file_system(root: Path, tar: Path) -> None:
    options = ["--mode=root", "--variant=essential", "--aptopt=APT::Install-Recommends false"]
    options += ["--dpkgopt=force-unsafe-io", f"--include={','.join(_packages())}"]
    run(
        ["mmdebstrap", *options, SUITE, str(tar)],
        env={"SOURCE_DATE_EPOCH": str(EPOCH_S)},
        hint="is there a way to Debian's mirror, and room in /tmp? df -h /tmp",
    )
    root.mkdir()
    run(["tar", "--xattrs", "--xattrs-include=*", "-C", str(root), "-xpf", str(tar)])
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").write_text("")
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "etc/sudoers.d/vagrant").chmod(0o440)
    _user(root)
    _chroot(root, "systemctl", "enable", "systemd-networkd.service")


def _user(root: Path) -> None:
    """The user that Vagrant logs in as."""
    _chroot(root, "useradd", "--create-home", "--shell=/bin/bash", "--password=*", "vagrant")
    folder = root / "home/vagrant/.ssh"
    folder.mkdir(mode=0o700)
    shutil.copyfile(_PUBLIC_KEY, folder / "authorized_keys")
    (folder / "authorized_keys").chmod(0o600)
    _chroot(root, "chown", "-R", "vagrant:vagrant", "vagrant/.ssh")


def _chroot(root: Path, *words: str) -> None:
    run(["chroot", str(root), "/usr/bin/env", "--chdir=/home", f"PATH={_PATH}", *words])


def _images(root: Path, out: Path, tools: Tools) -> None:
    """Kernel and initramfs beside the disk: neither this box nor the lab's has a boot loader."""
    for name, pattern in (("vmlinuz", "boot/vmlinuz-*"), ("initrd", "boot/initrd.img-*")):
        (found,) = root.glob(pattern)
        shutil.copyfile(found, out / name)
    raw = root.parent / "disk.raw"
    ext4.make(root, raw, size_mib=SIZE_MIB, epoch_s=EPOCH_S, tools=tools)
    tools.run(
        ["qemu-img", "convert", "-c", "-o", "compression_type=zstd", "-f", "raw", "-O", "qcow2"]
        + [str(raw), str(out / "box.img")]
    )
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": SIZE_MIB // 1024}
    (out / "metadata.json").write_text(json.dumps(metadata) + "\n")


if __name__ == "__main__":
    build(lambda line: print(line, flush=True))

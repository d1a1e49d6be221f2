"""The kernel that QEMU is given."""

import struct
import subprocess

import pytest

from lab import paths
from lab.host import kernel
from provisioning.box.build import Box
from provisioning.host import programs

KERNEL = b"\x7fELF" + bytes(range(256)) * 20


def bz_image(payload):
    """As the boot protocol has it: four sectors of set-up, then an unpacker, then the payload."""
    image = bytearray(
        b"\0" * (4 + 1) * 512 + b"unpacker" + payload + struct.pack("<I", len(KERNEL))
    )
    image[0x1F1] = 4
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", image, 0x248, len(b"unpacker"), len(payload) + 4)
    return bytes(image + b"what comes after")


@pytest.fixture
def box(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "SHARED", tmp_path / "shared")
    box = Box("0123abcd", tmp_path / "box")
    box.folder.mkdir()
    packed = subprocess.run(["zstd", "-c"], input=KERNEL, capture_output=True, check=True).stdout
    (box.folder / "vmlinuz").write_bytes(bz_image(packed))
    return box


def test_emulation_gets_the_kernel_unpacked(box):
    shared = kernel.share(box, "tcg")
    assert shared.read_bytes() == KERNEL
    assert shared.name == "0123abcd-vmlinux"
    assert [file.name for file in shared.parent.iterdir()] == [shared.name]


def test_kvm_gets_it_as_it_is(box):
    shared = kernel.share(box, "kvm")
    assert shared.read_bytes() == (box.folder / "vmlinuz").read_bytes()
    assert shared.name == "0123abcd-vmlinuz"


def test_without_zstd_emulation_gets_it_as_it_is_and_unpacked_as_soon_as_there_is_one(
    box, monkeypatch
):
    with monkeypatch.context() as without:
        without.setattr(programs, "which", lambda name: None)
        assert kernel.share(box, "tcg").read_bytes() == (box.folder / "vmlinuz").read_bytes()
    assert kernel.share(box, "tcg").read_bytes() == KERNEL


@pytest.mark.parametrize("image", [b"", b"no kernel" * 200, bz_image(b"\xfd7zXZ packed otherwise")])
def test_what_cannot_be_unpacked_is_given_as_it_is(box, image):
    (box.folder / "vmlinuz").write_bytes(image)
    assert kernel.share(box, "tcg").read_bytes() == image


def test_a_damaged_kernel_is_an_error_and_leaves_nothing(box):
    image = bytearray((box.folder / "vmlinuz").read_bytes())
    image[(4 + 1) * 512 + len("unpacker") + 10] ^= 0xFF
    (box.folder / "vmlinuz").write_bytes(image)
    with pytest.raises(Exception, match="zstd"):
        kernel.share(box, "tcg")
    assert not [*paths.SHARED.rglob("*vmlinux")]

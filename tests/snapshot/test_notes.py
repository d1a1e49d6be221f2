"""What Vagrant finds about a machine that was thawed, in the same checkout or in another one."""

import os
from pathlib import Path

from lab.snapshot.machines import our_notes
from lab.snapshot.state import FrozenMachine

HERE = Path("/srv/here")
NOTES = {"id": "u-1", "index_uuid": "a" * 32, "vagrant_cwd": "/srv/here", "creator_uid": "1"}


def machine(name="node1", **notes):
    return FrozenMachine(name, True, "u-1", "<domain/>", NOTES | notes)


def test_in_the_same_checkout_a_machine_stays_the_one_that_vagrant_knew():
    assert our_notes(machine(), HERE) == NOTES | {"creator_uid": str(os.geteuid())}


def test_in_another_checkout_it_becomes_that_ones_machine_every_time_the_same():
    there = Path("/srv/there")
    notes = our_notes(machine(), there)
    assert notes == our_notes(machine(), there)
    assert notes["vagrant_cwd"] == "/srv/there"
    assert notes["id"] == "u-1"
    others = {our_notes(machine(name), there)["index_uuid"] for name in ("api", "node2")}
    assert len(others | {notes["index_uuid"], NOTES["index_uuid"]}) == 4
    assert all(len(one) == 32 for one in others)


def test_a_note_with_a_path_for_a_name_is_left_out():
    bad = {"../../../x": "", "/etc/x": "", ".hidden": "", "a/b": ""}
    assert set(our_notes(machine(**bad), HERE)) == set(NOTES)

"""Running a tool."""

import sys

import pytest

from provisioning.run import run

LEADS = [sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"]


@pytest.mark.parametrize("alone", [False, True])
def test_a_tool_that_must_end_by_itself_is_out_of_reach_of_ctrl_c(alone):
    assert run(LEADS, uninterrupted=alone).strip() == str(alone)

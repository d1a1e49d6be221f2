"""docs/lesson.md shows the code as it is: its excerpts are lines of the files they name."""

import re
import textwrap

import pytest

from tests.house.repository import ROOT

LESSON = (ROOT / "docs/lesson.md").read_text()
EXCERPTS = re.findall(r"```python\n# (\S+)\n(.*?)```", LESSON, re.DOTALL)


def test_every_block_of_code_names_its_file():
    assert len(EXCERPTS) == LESSON.count("```python") > 5
    assert {"services/push/push.py", "services/agent/tick.py"} <= {file for file, _ in EXCERPTS}


@pytest.mark.parametrize(("file", "excerpt"), EXCERPTS)
def test_an_excerpt_is_in_its_file(file, excerpt):
    assert excerpt in (ROOT / file).read_text(), textwrap.dedent(excerpt)


def test_the_lesson_shows_every_line_of_the_pass():
    body = (ROOT / "services/agent/tick.py").read_text().rpartition('"""\n')[2]
    assert body in [excerpt for _, excerpt in EXCERPTS]

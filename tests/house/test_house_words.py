"""One word, one meaning: names of classes and modules, and the glossary."""

import ast
import re
import sys
from collections import defaultdict

from tests.house.repository import ROOT, name, tracked

# Rooms that have an issue of their own to be renamed in; other rooms must not use their names.
WHOLE = {"services/store"}
# Programs, not names.
ALWAYS = {"__init__", "__main__"}


def public_classes():
    """Name -> the places that define a public class of that name."""
    found = defaultdict(set)
    for path in tracked("services/**.py"):
        room = "/".join(name(path).split("/")[:2])
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(room if room in WHOLE else name(path))
    return found


def test_a_public_class_name_means_one_thing():
    twice = {word: sorted(places) for word, places in public_classes().items() if len(places) > 1}
    # The store's own words for lists and limits are not those of push.
    assert twice == {}


def test_no_module_has_the_name_of_one_of_the_standard_library():
    names = {name(path): path.stem for path in tracked("services/**.py")}
    shadows = {
        path: stem
        for path, stem in names.items()
        if stem in sys.stdlib_module_names - ALWAYS and not any(map(path.startswith, WHOLE))
    }
    assert shadows == {}


def test_the_glossary_names_classes_that_exist():
    glossary = (ROOT / "docs/glossary.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", glossary))
    assert named
    assert named - public_classes().keys() == set()

"""Who may import whom: the shape of the house, as a table."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from tests.house.repository import ROOT, name, tracked

# A room is a folder; the longest that a file is in counts. Standard library is free, but see PURE
# and BARE. No line is about a single file, but for the two that are the door to fab.
MAY_IMPORT = {
    "services/core/": {"services.core"},
    "services/lib/": {"services.core", "services.lib"},
    "services/agent/": {"services.core", "services.lib", "services.agent"},
    "services/deciders/": {"services.core", "services.lib", "services.deciders"},
    "services/recorder/": {"services.lib", "services.recorder"},
    "services/workload/": {"services.core", "services.lib", "services.workload"},
    "services/state/": {"services.core", "services.lib", "services.state", "tinydb"},
    "services/web/": {
        "services.core", "services.lib", "services.web", "bottle", "gevent", "prometheus_client",
        "pythonjsonlogger",
    },
    "services/pull/": {
        "services.core", "services.lib", "services.state", "services.web", "services.pull",
        "bottle", "gevent", "prometheus_client",
    },
    "services/push/": {
        "services.core", "services.lib", "services.web", "services.push",
        "bottle", "fabric", "invoke", "paramiko", "prometheus_client",
    },
    "provisioning/": {"provisioning", "services.core", "services.lib"},
    "lab/": {
        "lab", "provisioning", "services.core", "services.lib", "click", "fabric", "invoke",
    },
    # Drawing takes 200 ms to import; no other room may need it.
    "lab/report/": {
        "lab", "provisioning", "services.core", "services.lib", "click", "matplotlib",
    },
    "lab/experiment/": {
        "lab", "provisioning", "services.core", "services.lib", "jsonschema_rs", "yaml",
    },
    "lab/demo/": {"lab", "provisioning", "services.core", "yaml"},
    "lab/stage/": {"lab", "provisioning", "services.core"},
    "lab/stage/web/": {"lab", "provisioning", "services.core", "bottle", "segno"},
    "lab/terminal/": {"lab", "provisioning", "services.core", "click", "rich"},
    # Also before there is a Python environment.
    "lab/bundle/": {"lab", "provisioning", "services.core", "services.lib"},
    # Bottle, gevent, TinyDB: what the state server's storage is measured against.
    "benchmarks/": {
        "benchmarks", "lab", "provisioning", "services.core", "services.lib",
        "bottle", "click", "gevent", "tinydb",
    },
    "tasks.py": {"lab.cli", "click", "invoke"},
    "fabfile.py": {"tasks"},
}  # fmt: skip

# All that the core may take of the standard library: nothing that acts, and nothing that differs
# between two calls.
PURE = {
    "collections", "enum", "functools", "heapq", "itertools", "json", "math", "re", "string",
    "typing",
}  # fmt: skip

# Programs of one pass or one container: they run without site-packages.
BARE = [
    "services.agent.__main__",
    "services.deciders.node_controller",
    "services.deciders.scheduler",
    "services.recorder.__main__",
    "services.workload.__main__",
    "provisioning.guest.setup",
    "services.lib.standstill",
    "lab.history.prober",
    "lab.machines.qemu.hub",
    "lab.snapshot.call",
    "lab.bundle.__main__",
    "lab.bundle.pack",
]

# The modules of this repository have these first names.
OURS = {"benchmarks", "lab", "provisioning", "services", "tests", "tasks"}
FILES = tracked("services/**.py", "provisioning/**.py", "lab/**.py", "benchmarks/**.py", "*.py")
HOUSE = [path for path in FILES if not name(path).startswith("tests/")]


def imports(path):
    """Every module that `path` imports, wherever in the file, with what it takes from ours."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import"
            # `from services import web` takes services.web.
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= within if node.module in OURS else {str(node.module)}
    return found


def allowed_for(path):
    matching = [prefix for prefix in MAY_IMPORT if name(path).startswith(prefix)]
    assert matching or path.name == "__init__.py", f"{name(path)} is not in the table"
    return MAY_IMPORT[max(matching, key=len)] if matching else set()


def within(module, allowed):
    return any(module == one or module.startswith(f"{one}.") for one in allowed)


@pytest.mark.parametrize("path", HOUSE, ids=name)
def test_file_imports_only_what_the_table_allows(path):
    foreign = {module for module in imports(path) if module.split(".")[0] in OURS}
    foreign |= {m for m in imports(path) if m.split(".")[0] not in sys.stdlib_module_names}
    wrong = sorted(module for module in foreign if not within(module, allowed_for(path)))
    assert not wrong, f"{name(path)} may not import {wrong}"


@pytest.mark.parametrize("path", tracked("services/core/**.py"), ids=name)
def test_core_takes_nothing_that_acts(path):
    wrong = sorted(m for m in imports(path) if m.split(".")[0] not in PURE | OURS)
    assert not wrong, f"{name(path)} may not import {wrong}"


@pytest.mark.parametrize("module", BARE)
def test_program_needs_only_the_standard_library(module):
    argv = [sys.executable, "-S", "-E", "-c", f"import {module}"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", [module for module in BARE if module.startswith("services.")])
def test_what_starts_often_leaves_slow_modules_alone(module):
    slow = {"argparse", "dataclasses", "http", "inspect", "logging", "pathlib", "subprocess"}
    text = f"import sys, {module}; print(*{{m.split('.')[0] for m in sys.modules}})"
    argv = [sys.executable, "-S", "-E", "-c", text]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(slow & set(done.stdout.split())) == []


def test_every_line_of_the_table_is_about_a_file():
    names = [name(path) for path in HOUSE]
    assert [line for line in MAY_IMPORT if not any(n.startswith(line) for n in names)] == []


@pytest.mark.parametrize(
    ("house", "some"),
    [
        ("services", {"core", "lib", "agent", "pull", "push"}),
        ("lab", {"host", "machines", "planes", "bringup", "faults", "history", "experiment"}),
    ],
)
def test_rooms_form_layers(house, some):
    """No room can be reached from itself: imports only go down."""
    rooms: dict[str, set[str]] = {}
    for path in tracked(f"{house}/**.py"):
        room = name(path).split("/")[1].removesuffix(".py")
        ours = {m.split(".")[1] for m in imports(path) if m.startswith(f"{house}.")}
        rooms.setdefault(room, set()).update(ours - {room})
    assert some <= set(rooms)
    TopologicalSorter(rooms).prepare()  # raises CycleError

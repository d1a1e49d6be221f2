"""Who may import whom: the shape of the house, as a table."""

import ast
import subprocess
import sys

import pytest

from tests.house.repository import ROOT, name, tracked

# The longest prefix of a file's path counts. Standard library is free, but see PURE and BARE.
MAY_IMPORT = {
    "services/core/": {"services.core"},
    "services/durable.py": {"services.core"},
    "services/notify.py": set(),
    "services/plain_http.py": {"services.core"},
    "services/slowness.py": set(),
    "services/openapi.py": {"services.version"},
    "services/version.py": set(),
    "services/hold.py": {"services.notify"},
    "services/observe/": {
        "services.core", "services.observe", "services.version", "prometheus_client",
    },
    "services/web/": {
        "services.core", "services.notify", "services.observe", "services.web", "bottle",
    },
    "services/web/channel.py": {"services.core", "services.observe", "services.web", "waitress"},
    "services/web/threaded.py": {
        "services.core", "services.observe", "services.web", "bottle", "waitress",
    },
    "services/store/": {"services.core", "services.durable", "services.store", "tinydb"},
    "services/agent/": {
        "services.core", "services.agent", "services.durable", "services.plain_http",
        "services.slowness",
    },
    "services/workload/": {"services.core", "services.notify", "services.workload"},
    "services/pull/": {
        "services.core", "services.durable", "services.observe", "services.openapi",
        "services.pull", "services.slowness", "services.store", "services.web", "bottle",
    },
    "services/pull/meters.py": {
        "services.core", "services.observe", "services.pull.watching", "services.store",
        "prometheus_client",
    },
    "services/pull/openapi.py": {"services.openapi", "services.pull.schemas"},
    "services/pull/schemas.py": {"services.core", "services.openapi", "services.store"},
    # The only ones that know which server it is.
    "services/pull/__main__.py": {"services.pull.command", "gevent"},
    "services/pull/command.py": {
        "services.core", "services.observe", "services.pull", "services.slowness",
        "services.store", "services.web", "gevent",
    },
    "services/pull/serving.py": {
        "services.observe", "services.pull.connection", "services.web", "bottle", "gevent",
    },
    "services/pull/connection.py": {"services.pull.receiving", "gevent"},
    "services/pull/receiving.py": {
        "services.core", "services.observe", "services.web", "gevent",
    },
    # Speaks HTTP to the state server, as any client does.
    "services/pull/scheduler.py": {
        "services.core", "services.pull.deciding", "services.pull.one_pass",
    },
    "services/pull/node_controller.py": {
        "services.core", "services.pull.deciding", "services.pull.one_pass",
    },
    "services/pull/one_pass.py": {
        "services.core", "services.pull.deciding", "services.slowness",
    },
    "services/pull/deciding.py": {
        "services.core", "services.plain_http", "services.pull.watched",
    },
    "services/pull/watched.py": {"services.plain_http"},
    "services/push/": {
        "services.core", "services.observe", "services.openapi", "services.push",
        "services.slowness", "services.web", "bottle",
    },
    "services/push/meters.py": {"services.core", "services.push", "prometheus_client"},
    "services/push/push.py": {"services.core", "services.push"},
    "services/push/runner.py": {"services.core", "services.push", "fabric", "invoke", "paramiko"},
    "provisioning/": {"provisioning", "services.core"},
    "provisioning/box/components.py": {"provisioning.box", "services.version"},
    "provisioning/box/sbom.py": {"provisioning.box", "services.version"},
    "lab/": {
        "lab", "provisioning", "services.core", "services.slowness",
        "click", "fabric", "invoke",
    },
    # Also before there is a Python environment.
    "lab/bundle/": {"lab", "provisioning", "services.core", "services.version"},
    # What the state server's storage is measured against.
    "lab/bench/server/baseline.py": {"lab.bench.server.names", "bottle", "gevent", "tinydb"},
    "tasks.py": {"lab.fab", "invoke"},
    "fabfile.py": {"tasks"},
}  # fmt: skip

# All that the core may take of the standard library: nothing that acts, and nothing that differs
# between two calls.
PURE = {"collections", "enum", "functools", "itertools", "math", "re", "string", "typing"}

# Programs of one pass or one container: they run without site-packages.
BARE = [
    "services.agent.__main__",
    "services.pull.node_controller",
    "services.pull.scheduler",
    "services.workload.__main__",
    "provisioning.guest.setup",
    "services.hold",
    "lab.bundle.__main__",
    "lab.bundle.pack",
]

# The modules of this repository have these first names.
OURS = {"lab", "provisioning", "services", "tests", "tasks"}
FILES = tracked("services/**.py", "provisioning/**.py", "lab/**.py", "*.py")
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

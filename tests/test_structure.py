"""The conventions of the code's structure, measured from its source. CONTRIBUTING.md explains them."""

import ast
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "schemas", "reports")

MAX_MODULES_PER_FOLDER = 16
MAX_MODULE_LINES = 499
MAX_FUNCTION_LINES = 40

#: Public function names that may be defined in several modules, each with the reason.
SHARED_FUNCTION_NAMES = {
    "main": "the entry point of a process: `launchdrop` and the modules that are run with `python -m`",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parse_modules():
    """{path relative to the root: its syntax tree} of every module. Migrations are left out: they never change."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for path in paths
        if "versions" not in path.relative_to(ROOT).parts
    }


MODULES = parse_modules()


def functions_of(tree):
    """All functions of a module, methods and nested functions included."""
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def public_definitions(tree, kind):
    """The top-level definitions of this kind whose names have no underscore in front."""
    return [node for node in tree.body if isinstance(node, kind) and not node.name.startswith("_")]


def repeated_names(kind):
    """{name: the modules that define it} of public top-level names that several modules define."""
    places = defaultdict(list)
    for name, tree in MODULES.items():
        for node in public_definitions(tree, kind):
            places[node.name].append(name)
    return {name: modules for name, modules in places.items() if len(modules) > 1}


def test_a_folder_has_at_most_16_modules():
    counts = Counter(name.rpartition("/")[0] for name in MODULES if not name.endswith("/__init__.py"))
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES_PER_FOLDER} == {}


def test_a_module_has_less_than_500_lines():
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in MODULES}
    assert {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES} == {}


def test_a_function_has_at_most_40_lines():
    lengths = {
        f"{name}:{node.name}": node.end_lineno - node.lineno + 1
        for name, tree in MODULES.items()
        for node in functions_of(tree)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


def test_a_class_name_is_defined_in_one_module():
    assert repeated_names(ast.ClassDef) == {}


def test_a_public_function_name_is_defined_in_one_module():
    repeated = repeated_names(Function)
    assert {name: modules for name, modules in repeated.items() if name not in SHARED_FUNCTION_NAMES} == {}


def test_the_list_of_shared_function_names_has_no_stale_entries():
    assert set(SHARED_FUNCTION_NAMES) <= set(repeated_names(Function))


def test_a_module_has_a_docstring():
    assert [name for name, tree in MODULES.items() if not ast.get_docstring(tree)] == []


@pytest.mark.parametrize("kind", [ast.ClassDef, Function], ids=["classes", "functions"])
def test_public_definitions_have_docstrings(kind):
    without = [
        f"{name}:{node.name}"
        for name, tree in MODULES.items()
        for node in public_definitions(tree, kind)
        if not ast.get_docstring(node)
    ]
    assert without == []

"""The conventions of the code's structure, measured from its source. CONTRIBUTING.md explains them."""

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "schemas", "reports")

MAX_MODULES_PER_FOLDER = 16
MAX_MODULE_LINES = 499
MAX_FUNCTION_LINES = 40

CAMEL_CASE = re.compile(r"_?[A-Z]\w*[a-z]\w*")

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


def top_level(tree, kind):
    """The top-level definitions of this kind in a module."""
    return [node for node in tree.body if isinstance(node, kind)]


def type_names(tree):
    """The names of a module's classes and type aliases. An alias is an assignment to a name in CamelCase."""
    targets = [node.targets[0] for node in top_level(tree, ast.Assign)]
    targets += [node.target for node in top_level(tree, ast.AnnAssign)]
    aliases = [target.id for target in targets if isinstance(target, ast.Name) and CAMEL_CASE.fullmatch(target.id)]
    return [node.name for node in top_level(tree, ast.ClassDef)] + aliases


def is_public(node):
    return not node.name.startswith("_")


def repeated_names(definitions):
    """{name: the modules that define it} of the names that several modules define."""
    places = defaultdict(list)
    for module, name in definitions:
        places[name].append(module)
    return {name: modules for name, modules in places.items() if len(modules) > 1}


def test_a_folder_has_at_most_16_modules():
    counts = Counter(name.rpartition("/")[0] for name in MODULES if not name.endswith("/__init__.py"))
    crowded = {folder: count for folder, count in counts.items() if count > MAX_MODULES_PER_FOLDER}
    assert not crowded, crowded


def test_a_module_has_less_than_500_lines():
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in MODULES}
    long = {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES}
    assert not long, long


def test_a_function_has_at_most_40_lines():
    functions = ((name, node) for name, tree in MODULES.items() for node in functions_of(tree))
    lengths = {f"{name}:{node.name}": node.end_lineno - node.lineno + 1 for name, node in functions}
    long = {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}
    assert not long, long


def test_the_name_of_a_class_or_type_alias_is_defined_in_one_module():
    repeated = repeated_names((name, type) for name, tree in MODULES.items() for type in type_names(tree))
    assert not repeated, repeated


def test_a_public_function_name_is_defined_in_one_module():
    functions = ((name, node) for name, tree in MODULES.items() for node in top_level(tree, Function))
    repeated = repeated_names((name, node.name) for name, node in functions if is_public(node))
    assert not repeated, repeated


def test_a_module_has_a_docstring():
    without = [name for name, tree in MODULES.items() if not ast.get_docstring(tree)]
    assert not without, "\n".join(without)


@pytest.mark.parametrize("kind", [ast.ClassDef, Function], ids=["classes", "functions"])
def test_a_public_definition_has_a_docstring(kind):
    definitions = ((name, node) for name, tree in MODULES.items() for node in top_level(tree, kind) if is_public(node))
    without = [f"{name}:{node.name}" for name, node in definitions if not ast.get_docstring(node)]
    assert not without, "\n".join(without)

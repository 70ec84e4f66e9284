"""operator/ is a source folder and no package, and its modules are small and say what they are for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "operator"
MODULES = sorted(SOURCE.rglob("*.py"))
MOST_LINES = 300
LONGER: dict[str, str] = {}
"""Modules that are longer, each with the reason; to be made shorter, never to be added to."""


def relative(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_the_operator_of_the_standard_library_is_imported_in_the_root() -> None:
    script = "import operator, collections; print(operator.__file__); operator.itemgetter(0), collections.Counter()"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not Path(ended.stdout.strip()).is_relative_to(ROOT / "operator")
    assert Path(ended.stdout.strip()).name == "operator.py"


def test_no_package_is_named_as_a_module_of_the_standard_library() -> None:
    packages = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages == {"adobe_ims_operator", "adobe_ims_stand_in"}
    assert not packages & sys.stdlib_module_names


def test_the_source_folder_holds_packages_only() -> None:
    assert not (SOURCE / "__init__.py").exists()
    assert [path.name for path in SOURCE.glob("*.py*")] == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_modules_docstring_begins_with_a_sentence(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "say what it is for"
    assert docstring.splitlines()[0].endswith(".")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_over_300_lines_asks_to_be_two(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert (lines > MOST_LINES) == (relative(path) in LONGER), f"{lines} lines"


def test_what_may_be_longer_is_there() -> None:
    assert LONGER.keys() <= {relative(path) for path in MODULES}

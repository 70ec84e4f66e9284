"""Writes the values of the chart into its README as a table, made from values.yaml and the comments in there.

A comment belongs to the key right below it. With --check nothing is written: the exit code says whether the table is
what values.yaml says.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "adobe-ims-operator"
VALUES, PAGE = CHART / "values.yaml", CHART / "README.md"
BEGIN = "<!-- Made from values.yaml by `make manifests`: from here to the end mark nothing is written by hand. -->"
END = "<!-- End of what is made from values.yaml. -->"


@dataclass(frozen=True, slots=True)
class Value:
    """One value that can be set: its path, such as `image.tag`, what its comment says, and its default."""

    path: str
    comment: str
    default: Any


def values(text: str) -> Iterator[Value]:
    """Give each key with a comment, in the order of the file, and those without that no comment above covers."""
    root = yaml.compose(text, yaml.SafeLoader)
    if root is not None:
        yield from _values(root, yaml.safe_load(text), text.splitlines(), "")


def _values(node: yaml.Node, value: Any, lines: Sequence[str], path: str) -> Iterator[Value]:
    for key, inner in node.value:
        comment, name = _comment(lines, key.start_mark.line), f"{path}{key.value}"
        below = list(_values(inner, value[key.value], lines, f"{name}.")) if _is_map(inner) else []
        # A map is one value where none of its keys has a word of its own.
        if not any(each.comment for each in below):
            yield Value(name, comment, value[key.value])
        else:
            if comment:
                yield Value(name, comment, None)
            yield from below


def _is_map(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode)


def _comment(lines: Sequence[str], line: int) -> str:
    """Give the comment right above a line, as one line."""
    found: list[str] = []
    while line and (above := lines[line - 1].strip()).startswith("#"):
        found.insert(0, above.removeprefix("#").strip())
        line -= 1
    return " ".join(found)


def render(text: str) -> str:
    """Write the table, marks included."""
    rows = [f"| `{each.path}` | {_default(each.default)} | {_cell(each.comment)} |" for each in values(text)]
    return "\n".join([BEGIN, "", "| value | default | what it is |", "| --- | --- | --- |", *rows, "", END])


def _default(value: Any) -> str:
    return "" if value is None else f"`{_cell(json.dumps(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def current(page: str, text: str) -> str:
    """Give the page with its table made again.

    Raises:
        SystemExit: the marks are not in the page, so there is no telling what is written by hand.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{PAGE.relative_to(ROOT)} lacks the two marks between which the table belongs:\n{BEGIN}\n{END}")
    return head + render(text) + tail


def main() -> None:
    """Write the table, or compare it."""
    parser = argparse.ArgumentParser(description="Write the chart's values into its README.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is not current")
    check = parser.parse_args().check
    before = PAGE.read_text()
    after = current(before, VALUES.read_text())
    if check and after != before:
        sys.exit(f"{PAGE.relative_to(ROOT)} is not what values.yaml says; run 'make manifests'")
    if after != before:
        PAGE.write_text(after)


if __name__ == "__main__":
    main()

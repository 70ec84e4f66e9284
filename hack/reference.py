"""Writes the fields of each kind into its page of reference, so that the CRD is the one source of both.

All of a page that is not between the two marks is written by hand, and stays as it is. With --check nothing is
written: the exit code says whether the pages are what the CRDs say.
"""

import argparse
import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CRDS = ROOT / "charts" / "adobe-ims-operator" / "files" / "crds"
PAGES = {"adobeimscredentials": "reference.md", "adobeimsclientsecrets": "reference-client-secret.md"}
"""The page below docs/ of each CRD, by the plural that its file is named by."""
BEGIN = "<!-- Made from the CRD by `make reference`: from here to the end mark nothing is written by hand. -->"
END = "<!-- End of what is made from the CRD. -->"
WIDTH = 120

Schema = Mapping[str, Any]

SIZES = {"Length": "character", "Items": "entry", "Properties": "key"}
PLURALS = {"character": "characters", "entry": "entries", "key": "keys"}
# What has words of its own in a field's entry. Any other keyword of a schema is shown as it stands.
TOLD = frozenset({"description", "type", "default", "properties", "required", "items", "additionalProperties", "enum"})
TOLD |= {f"{end}{size}" for end in ("min", "max") for size in SIZES}
TOLD |= {"x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"}
PLAIN_FORMATS = ("int32", "int64", "date-time")
# Placeholders, which Markdown would read as mathematics, and paths of fields.
CODE = re.compile(r"\$\([a-z_]+\)|\$\$|\$(?=\W|$)|\b(?:spec|status|metadata)\.[a-zA-Z]+(?:\.[a-zA-Z]+)*")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its path from the root of the object, such as `spec.restart[].kind`."""

    path: str
    schema: Schema
    required: bool


def walk(schema: Schema, path: str = "") -> Iterator[Field]:
    """Give all fields below a schema, each before those inside of it."""
    for name, inner in schema.get("properties", {}).items():
        field = Field(f"{path}.{name}".lstrip("."), inner, name in schema.get("required", ()))
        yield field
        yield from walk(inner, field.path)
    for key, suffix in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(inner := schema.get(key), Mapping):
            yield from walk(inner, f"{path}{suffix}")


def messages(root: Schema) -> Mapping[str, Sequence[str]]:
    """Give what the API server says where a rule is broken, by the path of the field that it says it of."""
    found: dict[str, list[str]] = defaultdict(list)
    schemas = {"": root} | {field.path: field.schema for field in walk(root)}
    for path, schema in schemas.items():
        for rule in schema.get("x-kubernetes-validations", ()):
            blamed = f"{path}{rule.get('fieldPath', '')}".lstrip(".")
            found[blamed if blamed in schemas else path].append(_message(rule))
    return found


def render(crd: Schema) -> str:
    """Write the part of the page that is made from the CRD, marks included."""
    version = next(each for each in crd["spec"]["versions"] if each["storage"])
    root = version["schema"]["openAPIV3Schema"]
    says = messages(root)
    lines = [BEGIN, "", *_names(crd["spec"], version, root, says)]
    for field in walk(root):
        if field.path.partition(".")[0] in ("spec", "status"):
            lines += _entry(field, says.get(field.path, ()))
    return "\n".join([*lines, *_columns(version["additionalPrinterColumns"]), END])


def current(page: Path, crd: Schema) -> str:
    """Give the text of a page with its made part made again.

    Raises:
        SystemExit: the marks are not in the page, so there is no telling what is written by hand.
    """
    head, begin, rest = page.read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{page.relative_to(ROOT)} lacks the two marks between which the fields belong:\n{BEGIN}\n{END}")
    return head + render(crd) + tail


def _names(spec: Schema, version: Schema, root: Schema, says: Mapping[str, Sequence[str]]) -> list[str]:
    names = spec["names"]
    called = [names["plural"], names["singular"], *names.get("shortNames", ())]
    rows = {
        "apiVersion": f"`{spec['group']}/{version['name']}`",
        "kind": f"`{names['kind']}`, {spec['scope'].lower()}",
        "metadata": "as of every object of Kubernetes",
        "for kubectl": ", ".join(f"`{name}`" for name in called),
        "in category": ", ".join(f"`{name}`" for name in names.get("categories", ())),
    }
    table = ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items() if value)]
    said = [*_refusals(says[""]), ""] if "" in says else []
    return ["## The object", "", *_prose(root.get("description", "")), *table, "", *said]


def _entry(field: Field, refusals: Sequence[str]) -> list[str]:
    schema, each = field.schema, _each(field.schema)
    facts = [_type(schema), *(["required"] if field.required else []), *_limits(schema)]
    if "default" in schema:
        facts.append(f"default `{_yaml(schema['default'])}`")
    heading = f"{'##' if '.' not in field.path else '###'} {field.path}"
    lines = [heading, "", *_prose(schema.get("description", "")), f"- {', '.join(facts)}", *_refusals(refusals)]
    if about_each := [*_prose(each.get("description", ""))[:1], *_limits(each)]:
        lines.append(f"- each: {', '.join(about_each)}")
    lines += _refusals([_message(rule) for rule in each.get("x-kubernetes-validations", ())], "each ")
    return [*lines, ""]


def _refusals(said: Sequence[str], of_what: str = "") -> list[str]:
    return [f"- {of_what}refused with `{message}`" for message in said]


def _each(schema: Schema) -> Schema:
    """Give the schema of a list's entries or a map's values, an empty one for what is neither."""
    inner = schema.get("items", schema.get("additionalProperties"))
    return inner if isinstance(inner, Mapping) else {}


def _type(schema: Schema) -> str:
    kind = str(schema.get("type", "any"))
    if schema.get("format") == "date-time":
        return "time (RFC 3339)"
    if inner := _each(schema):
        return f"{'list' if kind == 'array' else 'map'} of {_type(inner)}s"
    return kind


def _limits(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    for size, unit in SIZES.items():
        least, most = schema.get(f"min{size}"), schema.get(f"max{size}")
        if least is not None or most is not None:
            yield _between(least, most, unit)
    if keys := schema.get("x-kubernetes-list-map-keys"):
        yield f"merged by {', '.join(f'`{key}`' for key in keys)}"
    if "atomic" in (schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-map-type")):
        yield "always replaced as a whole"
    for keyword, value in schema.items():
        if keyword not in TOLD and value not in PLAIN_FORMATS:
            yield f"{keyword} `{_yaml(value)}`"


def _between(least: int | None, most: int | None, unit: str) -> str:
    numbers = f"at least {least}" if most is None else f"{least} to {most}" if least else f"at most {most}"
    return f"{numbers} {unit if (most or least) == 1 else PLURALS[unit]}"


def _columns(columns: Sequence[Schema]) -> list[str]:
    rows = []
    for column in columns:
        name = f"{column['name'].upper()}{' (with `-o wide`)' if column.get('priority') else ''}"
        says = f"{column['description'].rstrip('.')}: " if "description" in column else ""
        rows.append(f"| {name} | {_in_table(says)}`{_in_table(column['jsonPath'])}` |")
    return ["## What kubectl get shows", "", "| column | what it is |", "| --- | --- |", *rows, ""]


def _in_table(text: str) -> str:
    return text.replace("|", r"\|")


def _prose(text: str) -> list[str]:
    if not text:
        return []
    marked = CODE.sub(lambda match: f"`{match.group()}`", " ".join(text.split()).replace("<", "&lt;"))
    return [textwrap.fill(marked, WIDTH, break_long_words=False, break_on_hyphens=False), ""]


def _message(rule: Schema) -> str:
    return " ".join(str(rule.get("message") or rule["rule"]).split())


def _yaml(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=sys.maxsize, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def main() -> None:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description="Write the fields of each CRD into its page of reference.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not current")
    check = parser.parse_args().check
    for plural, name in PAGES.items():
        page = ROOT / "docs" / name
        before, after = page.read_text(), current(page, yaml.safe_load((CRDS / f"{plural}.yaml").read_text()))
        if check and after != before:
            sys.exit(f"{page.relative_to(ROOT)} is not what the CRD says; run 'make reference'")
        if after != before:
            page.write_text(after)


if __name__ == "__main__":
    main()

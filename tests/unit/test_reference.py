"""The pages of reference tell all that the CRDs and the code hold, and are known to be out of date when they are."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from adobe_ims_operator.adobe.errors import IMSError
from adobe_ims_operator.api import placeholders as template
from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import ROTATE_ANNOTATION
from adobe_ims_operator.core.secret_differences import MANAGED_BY
from adobe_ims_operator.core.status import OURS
from testbed import read_yaml

ROOT = Path(__file__).parents[2]
GENERATOR = Path("hack/reference.py")
CRDS = Path("charts/adobe-ims-operator/files/crds")
CRD = CRDS / "adobeimscredentials.yaml"
PAGE = Path("docs/reference.md")
CLIENT_SECRET_CRD = CRDS / "adobeimsclientsecrets.yaml"
CLIENT_SECRET_PAGE = Path("docs/reference-client-secret.md")
MOMENT = datetime(2026, 11, 24, tzinfo=UTC)

Schema = dict[str, Any]


def words(text: str) -> str:
    """A text without what Markdown adds to it and without its line breaks."""
    return " ".join(text.replace("`", "").replace("&lt;", "<").split())


PAGE_TEXT = (ROOT / PAGE).read_text()


@dataclass(frozen=True)
class Kind:
    """A kind, and the page that tells of it."""

    version: Mapping[str, Any]
    page: str
    examples: int
    """How many examples of the page have all fields of the spec together."""

    @property
    def schema(self) -> Schema:
        found: Schema = self.version["schema"]["openAPIV3Schema"]
        return found


def kind(crd: Path, page: Path, examples: int) -> Kind:
    (version,) = read_yaml.load((ROOT / crd).read_text())["spec"]["versions"]
    return Kind(version, (ROOT / page).read_text(), examples)


CREDENTIAL = kind(CRD, PAGE, 2)
CLIENT_SECRET = kind(CLIENT_SECRET_CRD, CLIENT_SECRET_PAGE, 1)
of_each_kind = pytest.mark.parametrize("of", [CREDENTIAL, CLIENT_SECRET], ids=["credential", "client secret"])


def parts(schema: Schema) -> Iterator[Schema]:
    """A schema and all in it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for each in inner:
        if isinstance(each, dict):
            yield from parts(each)


def paths(schema: Schema, path: str = "") -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from paths(inner, f"{path}{name}.")
        yield from paths(inner.get("items", {}), f"{path}{name}[].")


def of_object(given: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of the fields of an object, as `paths` writes those of a schema."""
    for name, value in given.items():
        yield f"{path}{name}"
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from of_object(each, f"{path}{name}{'[].' if isinstance(value, list) else '.'}")


@of_each_kind
def test_every_field_is_on_the_page(of: Kind) -> None:
    def told(path: str) -> bool:
        if path.startswith(("spec", "status")):
            return re.search(rf"^##+ {re.escape(path)}$", of.page, re.MULTILINE) is not None
        return f"| {path} |" in of.page

    assert [path for path in paths(of.schema) if not told(path)] == []


@of_each_kind
def test_every_description_and_every_refusal_is_on_the_page(of: Kind) -> None:
    texts = [part["description"] for part in parts(of.schema) if "description" in part]
    texts += [rule["message"] for part in parts(of.schema) for rule in part.get("x-kubernetes-validations", ())]
    assert len(texts) > 30
    page = words(of.page)
    assert [text for text in texts if words(text) not in page] == []


@of_each_kind
def test_every_column_is_on_the_page(of: Kind) -> None:
    columns = of.version["additionalPrinterColumns"]
    assert [each for each in columns if f"| {each['name'].upper()}" not in of.page] == []


@of_each_kind
def test_the_example_has_every_field_of_the_spec_and_no_other(of: Kind) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", of.page, re.MULTILINE | re.DOTALL)[: of.examples]
    specs = [{"spec": read_yaml.load(example)["spec"]} for example in examples]
    given = {path for spec in specs for path in of_object(spec) if not is_free(path)}
    assert given == {path for path in paths(of.schema) if path.startswith("spec")}


def is_free(path: str) -> bool:
    """Whether a path is a key that the user chooses."""
    return path.startswith(("spec.secret.labels.", "spec.secret.annotations.", "spec.secret.data."))


def reasons(title: str, end: str) -> list[str]:
    """The words in the first column of the tables of a section."""
    section = PAGE_TEXT.partition(f"\n{title}\n")[2].partition(f"\n{end}")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    return [word for row in rows for word in re.findall(r"`(\w+)`", row)]


def test_every_reason_is_in_one_table_and_nothing_else_is_in_it() -> None:
    found = reasons("## Reasons, and what to do", "## ")
    assert sorted(found) == sorted(set(found))
    of_events = reasons("## Events", "## ")
    assert set(found) | set(of_events) == set(Reason)


def test_every_error_of_ims_has_a_reason() -> None:
    kinds, errors = [IMSError], set()
    while kinds:
        kinds += (kind := kinds.pop()).__subclasses__()
        errors.add(kind.__dict__.get("reason"))
    assert errors - {None, "IMSRefused"} <= set(Reason)  # the base of those that are given


def test_every_condition_is_on_the_page() -> None:
    assert [kind for kind in OURS if f"\n| `{kind}` |" not in PAGE_TEXT] == []


def test_every_label_and_annotation_is_on_the_page() -> None:
    facts = Facts("n/c", "uid", "n/s", MOMENT, MOMENT, "", "", "", "", "", "", 1, "1-a", "client")
    names = {*facts.to_annotations(), *MANAGED_BY, ROTATE_ANNOTATION}
    assert {name for name in names if f"\n| `{name}` |" not in PAGE_TEXT} == set()


def test_every_placeholder_is_on_the_page() -> None:
    assert [name for name in template.NAMES if f"\n| `$({name})` |" not in PAGE_TEXT] == []


@dataclass(frozen=True)
class Copy:
    """The generator and what it works on, in a folder of its own."""

    root: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(self.root / GENERATOR), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def page(self) -> str:
        return (self.root / PAGE).read_text()

    def change(self, change: Callable[[Schema], None]) -> None:
        """Change the schema in the CRD."""
        crd = read_yaml.load((self.root / CRD).read_text())
        change(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
        (self.root / CRD).write_text(yaml.safe_dump(crd, sort_keys=False))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    for name in (GENERATOR, CRD, PAGE, CLIENT_SECRET_CRD, CLIENT_SECRET_PAGE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return Copy(tmp_path)


def test_the_page_is_what_the_crd_says(copy: Copy) -> None:
    done = copy.run("--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    copy.run()
    assert copy.page() == PAGE_TEXT


def test_a_changed_description_fails_the_check_until_the_page_is_made_again(copy: Copy) -> None:
    copy.change(lambda schema: schema["properties"]["spec"].update(description="Something else."))
    done = copy.run("--check")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "docs/reference.md is not what the CRD says; run 'make reference'\n"
    assert copy.page() == PAGE_TEXT
    assert copy.run().returncode == 0
    assert copy.run("--check").returncode == 0
    assert "\nSomething else.\n" in copy.page()


def test_a_new_field_is_on_the_page_with_all_that_is_known_of_it(copy: Copy) -> None:
    retries = {
        "description": "How often, up to <limit>, where $$ is one $.",
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "default": 3,
        "x-kubernetes-validations": [{"rule": "self != 7", "message": "must not be 7"}],
    }
    codes = {"type": "array", "items": {"description": "One code.", "type": "string", "pattern": "^[a-z]+$"}}
    peers = {"type": "array", "items": {"type": "object", "properties": {"host": {"type": "string"}}}}
    rule = {"rule": "true", "message": "be kind", "fieldPath": ".nowhere"}

    def change(schema: Schema) -> None:
        spec = schema["properties"]["spec"]
        spec["properties"] |= {"retries": retries, "codes": codes, "peers": peers}
        spec |= {"description": "The spec.", "x-kubernetes-validations": [rule]}

    copy.change(change)
    copy.run()
    page = copy.page()
    entry = (
        "### spec.retries\n\nHow often, up to &lt;limit>, where `$$` is one `$`.\n\n"
        "- integer, minimum `1`, default `3`\n- refused with `must not be 7`\n"
    )
    assert entry in page
    assert "### spec.codes\n\n- list of strings\n- each: One code., pattern `^[a-z]+$`\n" in page
    assert "### spec.peers[].host\n\n- string\n" in page
    assert "## spec\n\nThe spec.\n\n- object, required\n- refused with `be kind`\n" in page


def test_what_is_written_by_hand_stays(copy: Copy) -> None:
    page = copy.page().replace("# AdobeIMSCredential: the reference", "# By hand") + "\nAt the end.\n"
    (copy.root / PAGE).write_text(page)
    copy.change(lambda schema: schema.update(description="Other words."))
    copy.run()
    assert copy.page().startswith("# By hand\n")
    assert copy.page().endswith("\nAt the end.\n")
    assert "\nOther words.\n" in copy.page()


def test_a_page_without_the_marks_is_left_alone(copy: Copy) -> None:
    (copy.root / PAGE).write_text("# Another page\n")
    done = copy.run()
    assert done.returncode == 1
    assert "lacks the two marks" in done.stderr
    assert copy.page() == "# Another page\n"

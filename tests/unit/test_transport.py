"""What is decoded of a large text: the metadata of one object without its managers, and all else as it is."""

import json
from typing import Any

import pytest

from adobe_ims_operator.kube.transport import LARGE, decode

TRAP = ']}}},{"kind":"PartialObjectMetadata","managedFields":[{'
Object = dict[str, Any]


def metadata(name: str, **more: object) -> Object:
    fields: Object = {f"f:{number:05}": {} for number in range(LARGE // 12)} | {f"f:{TRAP}": {}}
    managers = [{"manager": "kubectl", "fieldsV1": fields}]
    annotations = {"a": TRAP, "managedFields": "[", f",{TRAP}": ""}
    owners = [{"apiVersion": "v1", "kind": "PartialObjectMetadata", "name": TRAP, "uid": "7"}]
    return {"name": name, "annotations": annotations, "ownerReferences": owners, "managedFields": managers, **more}


def item(name: str) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata(name)}


def page(*items: Object) -> Object:
    return {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": list(items)}


def text(value: Object) -> bytes:
    """As the API server writes it."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("whole", [{"type": "DELETED", "object": item("a")}, page(item("a"))], ids=["watch", "list"])
def test_the_managers_of_one_object_are_not_decoded(whole: Object) -> None:
    found = decode(text(whole), fields=False)
    of_one = whole["object"] if "object" in whole else whole["items"][0]
    del of_one["metadata"]["managedFields"]
    assert found == whole


@pytest.mark.parametrize(
    "whole",
    [
        page(item("a"), item("b")),
        page(item("a"), {"kind": "PartialObjectMetadata", "metadata": {"name": "b"}}),
        {"kind": "Secret", "metadata": metadata("a"), "data": {"a": {"b": {"c": []}}}},
        {"type": "ADDED", "object": {"kind": "Thing", "metadata": metadata("a"), "status": {"all": [{"a": {}}]}}},
    ],
    ids=["two", "two, one with managers", "whole object", "whole object of a watch"],
)
def test_all_else_is_there(whole: Object) -> None:
    found = decode(text(whole), fields=False)
    managers: list[Object] = [each for each in walk(whole) if "fieldsV1" in each]
    for each in managers:
        each["fieldsV1"] = {}
    assert found == whole


def test_with_fields_nothing_is_cut() -> None:
    whole = page(item("a"))
    assert decode(text(whole), fields=True) == whole


def walk(value: object) -> list[Object]:
    """All objects in a value."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*([value] if isinstance(value, dict) else []), *(found for each in inside for found in walk(each))]

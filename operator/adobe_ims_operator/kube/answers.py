"""Checks that an answer of the API server is what it should be, so that nobody else need doubt its shape."""

from typing import Any

from adobe_ims_operator.api.resource import ROTATE_ANNOTATION
from adobe_ims_operator.kube.errors import invalid_answer

JSONObject = dict[str, Any]
_LARGEST = 2**63
_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid")
_UNREAD = ("managedFields", "labels", "ownerReferences", "finalizers")


def check_mapping(answer: object) -> JSONObject:
    """The answer, if it is a JSON object.

    Raises:
        UnavailableError: it is none.
    """
    if not isinstance(answer, dict):
        raise invalid_answer()
    return answer


def check_object(answer: object) -> JSONObject:
    """The answer, if it is an object of Kubernetes with valid metadata.

    Raises:
        UnavailableError: it is none.
    """
    body = check_mapping(answer)
    check_metadata(body.get("metadata"))
    return body


def check_metadata(metadata: object) -> JSONObject:
    """The metadata, if all of it that the operator reads is of the right type.

    Raises:
        UnavailableError: it is not.
    """
    fields = check_mapping(metadata)
    check_version(fields)
    valid = (
        all(isinstance(fields.get(name), str) and fields[name] for name in ("name", "uid"))
        and isinstance(fields.get("namespace", ""), str)
        and _is_count(fields.get("generation", 0))
        and all(_is_texts(fields.get(name)) for name in ("annotations", "labels"))
        and all(_is_owner(owner) for owner in _items(fields.get("ownerReferences")))
        and all(isinstance(manager, dict) for manager in _items(fields.get("managedFields")))
    )
    if not valid:
        raise invalid_answer()
    return fields


def drop_unread(metadata: JSONObject) -> None:
    """Drop what nobody reads of a credential's metadata; of its annotations all but the one that asks to rotate.

    A quarter of a mebibyte of annotations takes six mebibytes in Python, and kopf keeps an object in a cycle, until the
    collector looks for those.
    """
    for name in _UNREAD:
        metadata.pop(name, None)
    annotations = metadata.pop("annotations", None) or {}
    if ROTATE_ANNOTATION in annotations:
        metadata["annotations"] = {ROTATE_ANNOTATION: annotations[ROTATE_ANNOTATION]}


def check_version(metadata: object) -> str:
    """The resourceVersion of an object or a list, if it is a number as all versions of etcd are.

    Raises:
        UnavailableError: it is not.
    """
    version = check_mapping(metadata).get("resourceVersion")
    if not (isinstance(version, str) and version.isascii() and version.isdigit() and len(version) < 20):
        raise invalid_answer()
    if int(version) >= _LARGEST:
        raise invalid_answer()
    return version


def _items(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [None]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _is_texts(value: object) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(text, str) for text in value.values()))


def _is_owner(owner: object) -> bool:
    return isinstance(owner, dict) and all(isinstance(owner.get(name), str) for name in _OWNER_FIELDS)

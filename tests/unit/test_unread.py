"""What is kept of a credential that a watch brings, as anybody may make the rest of it large."""

import gc
import json
import weakref
from typing import Any

from kopf import Body

from adobe_ims_operator.api.resource import ROTATE_ANNOTATION, parse_credential
from adobe_ims_operator.kube.answers import drop_unread


class Annotations(dict[str, str]):
    """As a dict, of which is known when it goes."""


def body(annotations: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": "lightroom", "namespace": "photos", "uid": "u", "generation": 1, "resourceVersion": "7"}
    metadata |= {"creationTimestamp": "2026-11-24T10:00:00Z", "annotations": annotations}
    metadata |= {"labels": {"a": "b"}, "ownerReferences": [{}], "managedFields": [{}], "finalizers": ["a.b/c"]}
    return {"metadata": metadata, "spec": {"client": {"secretRef": {"name": "oauth"}}}}


def test_what_is_read_stays() -> None:
    whole, slim = (body({ROTATE_ANNOTATION: "now", "other": "x"}) for _ in range(2))
    drop_unread(slim["metadata"])
    assert parse_credential(slim) == parse_credential(whole)
    assert parse_credential(slim).rotate_request == "now"
    assert "other" not in json.dumps(slim)
    assert not slim["metadata"].keys() & {"labels", "ownerReferences", "managedFields", "finalizers"}


def test_what_is_not_read_goes_at_once_although_kopf_keeps_the_object_until_a_collection() -> None:
    annotations = Annotations(other="x")
    gone, found = weakref.ref(annotations), body(annotations)
    del annotations
    gc.disable()
    try:
        assert Body(found).metadata.labels == {"a": "b"}  # type: ignore[arg-type]
        drop_unread(found["metadata"])
        assert gone() is None
    finally:
        gc.enable()

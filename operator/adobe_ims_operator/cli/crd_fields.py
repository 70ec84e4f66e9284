"""Which fields the operator reads and writes, and which the API server keeps: a CRD that lacks one is older.

The API server publishes the schema of each resource to anybody who is logged in (Kubernetes, "The Kubernetes API:
OpenAPI V3"), so that no leave to read CustomResourceDefinitions is needed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from adobe_ims_operator.api.resource import GROUP, KIND, VERSION, Spec
from adobe_ims_operator.api.source import ClientRef, TokenFrom
from adobe_ims_operator.api.status import Status

PATH = f"/openapi/v3/apis/{GROUP}/{VERSION}"
_COMPUTED = {"spec.client.secret_name", "spec.source", "spec.invalid", "spec.secretSize", "spec.templateProblem"}
"""What the model has for itself; a test holds the rest to be what the CRD has."""
_FLATTENED = {
    "spec.client",
    "spec.client.secretRef",
    "spec.client.secretRef.name",
    "spec.rotation.interval",
    "spec.tokenFrom",
}
"""What the model keeps elsewhere than where the CRD has it."""
_MODELS: Mapping[str, type] = {
    "spec": Spec,
    "spec.client": ClientRef,
    "spec.tokenFrom": TokenFrom,
    "status": Status,
}
_GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"


def own_fields() -> frozenset[str]:
    """The paths that this version of the operator knows, such as `spec.secret.name`."""
    found: set[str] = set()
    for name, model in _MODELS.items():
        schema = TypeAdapter(model).json_schema()
        found.update(_paths(schema, schema.get("$defs", {}), name))
    known = {path for path in found if not path.startswith("spec.source.")}
    return frozenset(known - _COMPUTED | _FLATTENED)


def served_fields(document: Mapping[str, Any]) -> frozenset[str] | None:
    """The paths that the API server keeps, as its OpenAPI document says; None where it has no such resource."""
    schemas = document.get("components", {}).get("schemas", {})
    for schema in schemas.values():
        if any(each.get("kind") == KIND for each in schema.get(_GROUP_VERSION_KIND, [])):
            parts = schema.get("properties", {})
            return frozenset(path for name in ("spec", "status") for path in _paths(parts.get(name, {}), schemas, name))
    return None


def _paths(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for part in (schema, *schema.get("allOf", []), *schema.get("anyOf", [])):
        if reference := part.get("$ref"):
            yield from _paths(definitions.get(reference.rpartition("/")[2], {}), definitions, prefix)
        elif "items" in part:
            yield from _paths(part["items"], definitions, prefix)
        else:
            for name, within in part.get("properties", {}).items():
                yield f"{prefix}.{name}"
                yield from _paths(within, definitions, f"{prefix}.{name}")

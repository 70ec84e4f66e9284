"""The CRDs as earlier versions had them."""

from typing import Any


def without_rules(schema: Any) -> Any:
    """The schema as one without any rule of CEL would be."""
    if isinstance(schema, dict):
        return {key: without_rules(value) for key, value in schema.items() if key != "x-kubernetes-validations"}
    return [without_rules(each) for each in schema] if isinstance(schema, list) else schema

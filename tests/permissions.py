"""The rules of roles, as the permissions that they give."""

from collections.abc import Iterable
from typing import Any

from adobe_ims_operator.cli.permissions import Permission


def flat(rules: Iterable[dict[str, Any]]) -> set[Permission]:
    """Each verb on each resource of some rules."""
    return {
        Permission(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

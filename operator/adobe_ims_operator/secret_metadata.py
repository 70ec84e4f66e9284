"""Reading the metadata of a Secret: whose it is, the facts of its token, and whether its data was edited.

Kubernetes records in `metadata.managedFields` who last wrote each key (API concepts, "Server-Side Apply: field
management"), so that an edit of the data shows without the data being read or kept.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from adobe_ims_operator import ledger
from adobe_ims_operator.kube import FIELD_MANAGER
from adobe_ims_operator.observed import ObservedSecret
from adobe_ims_operator.resource import API_VERSION, JSON, KIND, parse_version

_NONE: frozenset[str] = frozenset()
_interned: dict[frozenset[str], frozenset[str]] = {}


def observe_secret(metadata: JSON) -> ObservedSecret:
    """Read the `metadata` of any Secret."""
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    managers: list[JSON] = metadata.get("managedFields") or []
    owners: list[JSON] = metadata.get("ownerReferences") or []
    facts = ledger.read_facts(annotations)
    if facts is not None and facts.secret_name != metadata["name"]:
        facts, credential_uid = (
            None,
            None,
        )  # a copy of a token Secret, made under another name by somebody else
    else:
        credential_uid = ledger.owner_uid(annotations) or _owning_credential(owners)
    return ObservedSecret(
        uid=metadata["uid"],
        version=parse_version(metadata),
        owner=sys.intern(_describe_owner(metadata, owners, managers)),
        credential_uid=credential_uid,
        facts=facts,
        data_keys=_fields(managers, "f:data"),
        edited=_is_edited(managers),
        own_labels=_fields(_ours(managers), "f:metadata", "f:labels"),
        own_annotations=_fields(_ours(managers), "f:metadata", "f:annotations"),
    )


def _owning_credential(owners: Iterable[JSON]) -> str | None:
    return next(
        (str(owner["uid"]) for owner in owners if owner["kind"] == KIND and owner["apiVersion"] == API_VERSION),
        None,
    )


def _describe_owner(metadata: JSON, owners: list[JSON], managers: list[JSON]) -> str:
    if owners:
        return f"{owners[0]['kind']} {owners[0]['name']}"
    labels = metadata.get("labels") or {}
    if manager := labels.get("app.kubernetes.io/managed-by"):
        return str(manager)
    return f"whoever made it with {managers[0]['manager']}" if managers else "somebody else"


def _ours(managers: Iterable[JSON]) -> list[JSON]:
    return [manager for manager in managers if manager.get("manager") == FIELD_MANAGER]


def _is_edited(managers: list[JSON]) -> bool:
    """Whether somebody else wrote a key of the data after we did.

    A key that was there with the very value that we then wrote stays in the other's name (a write that changes
    nothing takes nothing over), so the times of the entries decide; they are the API server's, in seconds.
    """
    ours = _ours(managers)
    our_keys = _fields(ours, "f:data")
    our_time = max((str(manager.get("time", "")) for manager in ours), default=None)
    if our_time is None:
        return True
    return any(
        str(manager.get("time", "")) >= our_time and not _fields([manager], "f:data") <= our_keys
        for manager in managers
        if manager.get("manager") != FIELD_MANAGER
    )


def _fields(managers: Iterable[JSON], *path: str) -> frozenset[str]:
    names: set[str] = set()
    for manager in managers:
        fields: Any = manager.get("fieldsV1") or {}
        for step in path:
            fields = fields.get(step) or {}
        names.update(name.removeprefix("f:") for name in fields if name != ".")
    if not names:
        return _NONE
    # Thousands of token Secrets have the same few sets of keys: one copy of each is kept.
    found = frozenset(names)
    if len(_interned) > 10_000:
        _interned.clear()
    return _interned.setdefault(found, found)

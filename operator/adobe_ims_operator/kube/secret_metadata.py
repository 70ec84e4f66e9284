"""Reading the metadata of a Secret: whose it is, and the facts of the token in it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from adobe_ims_operator.api import ledger
from adobe_ims_operator.api.client_secret_ledger import LEDGER_ANNOTATION
from adobe_ims_operator.api.ledger import LONGEST_FACT
from adobe_ims_operator.api.names import FIELD_MANAGER
from adobe_ims_operator.api.origin import is_copy, origin
from adobe_ims_operator.api.resource import API_VERSION, JSON, KIND, Key, parse_version
from adobe_ims_operator.api.text import share
from adobe_ims_operator.api.times import moment_or_none
from adobe_ims_operator.core.managers import marks
from adobe_ims_operator.core.model import ObservedSecret

_NAME = re.compile("[a-z0-9][-.a-z0-9]{0,252}")
MAX_OWNERS = 100
"""ownerReferences of a Secret that are looked at: each takes a few of the loop's microseconds."""


def observe_secret(metadata: JSON) -> ObservedSecret:
    """Read the `metadata` of any Secret."""
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    owners: list[JSON] = (metadata.get("ownerReferences") or [])[:MAX_OWNERS]
    key, copied_from = Key(metadata["namespace"], metadata["name"]), None
    if is_copy(annotations, key):
        facts, credential_uid, credential = None, None, None
        copied_from = origin(annotations, key)
    else:
        facts = ledger.read_facts(annotations)
        credential_uid = ledger.owner_uid(annotations) or _owning_credential(owners)
        credential = _name(metadata["namespace"], annotations, owners, credential_uid)
    return ObservedSecret(
        uid=metadata["uid"],
        version=parse_version(metadata),
        owner=share(_describe_owner(metadata, owners)[:LONGEST_FACT]),
        credential_uid=credential_uid,
        controller_uid=next((str(owner["uid"])[:LONGEST_FACT] for owner in owners if owner.get("controller")), None),
        facts=facts,
        credential=credential,
        origin=copied_from,
        deleting=metadata.get("deletionTimestamp") is not None,
        manager="" if credential_uid is None else _other_manager(metadata.get("labels") or {}, annotations),
        holds_client=LEDGER_ANNOTATION in annotations,
    )


def data_editor(managers: Iterable[JSON]) -> str:
    """The manager that changed the data of a Secret last, if that was not this operator (`metadata.managedFields`)."""
    others = [
        (str(each.get("time")), str(each.get("manager"))[:LONGEST_FACT])
        for each in managers
        if each.get("manager") not in (None, "", FIELD_MANAGER) and _has_data(each.get("fieldsV1"))
    ]
    return max(others)[1] if others else ""


def _has_data(fields: object) -> bool:
    return isinstance(fields, Mapping) and "f:data" in fields


@dataclass(frozen=True, slots=True)
class SecretTimes:
    """When a Secret was made, and when this operator wrote it last, by the API server's clock; None if not known."""

    created: datetime | None
    written: datetime | None


UNKNOWN_TIMES = SecretTimes(None, None)


def read_times(metadata: JSON) -> SecretTimes:
    """Read the times in the `metadata` of a Secret."""
    managers = [each for each in metadata.get("managedFields") or [] if each.get("manager") == FIELD_MANAGER]
    written = [moment for each in managers if (moment := moment_or_none(each.get("time"))) is not None]
    return SecretTimes(moment_or_none(metadata.get("creationTimestamp")), max(written, default=None))


def _name(namespace: str, annotations: Mapping[str, str], owners: Iterable[JSON], uid: str | None) -> Key | None:
    """The name of the credential with that uid, from the annotations or else an ownerReference."""
    within, _, name = ledger.owner(annotations).partition("/")
    if not name:
        within, name = namespace, next((str(owner["name"]) for owner in owners if owner["uid"] == uid), "")
    return Key(namespace, share(name)) if within == namespace and _NAME.fullmatch(name) else None


def _owning_credential(owners: Iterable[JSON]) -> str | None:
    return next(
        (
            str(owner["uid"])[:LONGEST_FACT]
            for owner in owners
            if owner["kind"] == KIND and owner["apiVersion"] == API_VERSION
        ),
        None,
    )


def _other_manager(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    return share(next(iter(marks(labels, annotations).values()), ""))


def _describe_owner(metadata: JSON, owners: list[JSON]) -> str:
    if owners:
        return f"{owners[0]['kind']} {owners[0]['name']}"
    if manager := (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by"):
        return str(manager)
    managers = metadata.get("managedFields") or []
    manager = managers[0].get("manager") if managers else None
    return f"somebody with {manager}" if manager else "somebody else"

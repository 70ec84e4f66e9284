"""The managed Secret of an AdobeIMSClientSecret: read, and written by one request that carries ledger and data.

A new one is made by POST, which fails if there is one of that name. An old one is changed by a merge patch that names
the resourceVersion it was decided on, which fails if anybody changed it since. No ownerReference: it stays when the
object goes, since what it holds is nowhere else.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adobe_ims_operator.api.client_secret import CredentialId
from adobe_ims_operator.api.client_secret_ledger import (
    CLIENT_ID_KEY,
    Ledger,
    NoLedger,
    Slot,
    digest_client_secret,
    read_ledger,
)
from adobe_ims_operator.api.resource import JSON, Key
from adobe_ims_operator.api.sizes import MAX_CLIENT_ID_SIZE, MAX_CLIENT_SECRET_SIZE
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.replacement.model import ManagedSecret
from adobe_ims_operator.core.secret_differences import MANAGED_BY
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.client_secret_value import read_value
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import secret_path, secrets_path
from adobe_ims_operator.kube.secret_metadata import observe_secret


@dataclass(frozen=True, slots=True)
class ManagedContent:
    """What a read of the Secret showed."""

    metadata: ObservedSecret
    ledger: Ledger | NoLedger
    client_id: str | None
    values: Mapping[Slot, str] = field(repr=False)
    is_labelled: bool = False
    """Whether it has the label of what this operator writes."""

    def observed(self, credential: CredentialId) -> ManagedSecret:
        """The same without the values."""
        digests = {slot: digest_client_secret(credential, value) for slot, value in self.values.items()}
        owner = self.metadata.owner if self.ledger is NoLedger.ABSENT else ""
        return ManagedSecret(self.metadata.version, self.ledger, self.client_id, digests, owner, self.is_labelled)


async def read(kube: Kube, key: Key) -> ManagedContent | None:
    """Read the Secret; None if there is none.

    Raises:
        ApiError: it could not be read.
    """
    try:
        body = await kube.get(secret_path(key))
    except ApiError as error:
        if isinstance(error, NotFoundError):
            return None
        raise
    data = body.get("data") or {}
    found = {slot: read_value(data.get(slot.value), MAX_CLIENT_SECRET_SIZE) for slot in Slot}
    client_id = read_value(data.get(CLIENT_ID_KEY), MAX_CLIENT_ID_SIZE)
    return ManagedContent(
        metadata=observe_secret(body["metadata"]),
        ledger=read_ledger(body["metadata"].get("annotations") or {}),
        client_id=client_id if isinstance(client_id, str) else None,
        values={slot: value for slot, value in found.items() if isinstance(value, str)},
        is_labelled=MANAGED_BY.items() <= (body["metadata"].get("labels") or {}).items(),
    )


async def write(
    kube: Kube, key: Key, ledger: Ledger, values: Mapping[Slot, str], secret: ObservedSecret | None
) -> ObservedSecret:
    """Make the Secret where `secret` is None, or change the one that is given; its metadata after that.

    Args:
        values: the client secrets that it holds then; its other keys of client secrets are removed.

    Raises:
        ApiError: it was not written; 409 where there is another Secret by now.
    """
    data: dict[str, Any] = {CLIENT_ID_KEY: _encode(ledger.client_id)}
    data |= {slot.value: _encode(value) for slot, value in values.items()}
    metadata: JSON
    if secret is None:
        metadata = {"name": key.name, "namespace": key.namespace, "labels": MANAGED_BY}
        metadata |= {"annotations": ledger.to_annotations()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
        answer = await kube.create(secrets_path(key.namespace), body, accept=METADATA_OBJECT)
    else:
        metadata = {"uid": secret.uid, "resourceVersion": str(secret.version), "labels": MANAGED_BY}
        metadata |= {"annotations": ledger.to_annotations()}
        gone = dict.fromkeys(slot.value for slot in Slot if slot not in values)
        body = {"metadata": metadata, "data": gone | data}
        answer = await kube.patch(secret_path(key), body, accept=METADATA_OBJECT)
    return observe_secret(answer["metadata"])


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode()

"""The token Secret: rendered, and written by one request that carries token, facts and ownership together.

A new Secret is made by POST, which fails if there is one of that name. An old one is changed by a merge patch that
names the resourceVersion it was decided on, which fails if anybody changed it since. So a Secret that is not ours is
never touched, even by a race, and a routine rotation costs one write and no read. (Server-side apply would do the same
in one verb, but it merges into a Secret that someone else made a moment earlier.)
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from adobe_ims_operator.api.digests import digest_data
from adobe_ims_operator.api.ledger import Facts, facts_of_spec
from adobe_ims_operator.api.names import FIELD_MANAGER
from adobe_ims_operator.api.placeholders import render
from adobe_ims_operator.api.resource import GROUP, JSON, Key
from adobe_ims_operator.api.times import to_rfc3339
from adobe_ims_operator.core.model import HeldToken, Observed, ObservedSecret
from adobe_ims_operator.core.secret_differences import Differences, Owner, compare, wanted_labels
from adobe_ims_operator.core.seen_secrets import SeenTokenSecret
from adobe_ims_operator.kube.client import METADATA_OBJECT, Kube
from adobe_ims_operator.kube.errors import ApiError, NotFoundError
from adobe_ims_operator.kube.paths import secret_path, secrets_path
from adobe_ims_operator.kube.secret_metadata import UNKNOWN_TIMES, SecretTimes, data_editor, observe_secret, read_times

MAX_KEYS = 32
"""Of a Secret that the operator wrote. One of more keys was edited: tens of thousands, all empty, count as nothing for
Kubernetes, and a digest of them would take a tenth of a second."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Where kubectl keeps a copy of what it applied: of a Secret, its data of then."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a read of a Secret showed; its values are not kept."""

    metadata: ObservedSecret
    intact: bool
    """Whether its data is what its facts say was written."""
    data_editor: str = ""
    """What changed its data last, where that was somebody else's program."""
    data_keys: frozenset[str] = frozenset()
    own_labels: frozenset[str] = frozenset()
    own_annotations: frozenset[str] = frozenset()
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: Sequence[JSON] = ()
    editor: str = ""
    """Who else wrote to it last, as the managed fields say."""
    times: SecretTimes = UNKNOWN_TIMES

    def compare(self, observed: Observed) -> Differences:
        """How it differs from what the spec of a credential wants of it."""
        return compare(
            observed.spec.secret,
            Owner(observed.key, observed.uid),
            labels=self.labels,
            annotations=self.annotations,
            owners=self.owners,
            data_keys=self.data_keys,
            editor=self.editor,
        )

    def seen(self, observed: Observed) -> SeenTokenSecret:
        """What is remembered of it for a credential."""
        digest = observed.spec_digests.whole
        return SeenTokenSecret(self.metadata.version, self.intact, digest, self.compare(observed), self.data_editor)


class Written(NamedTuple):
    """What the answer to a write shows."""

    metadata: ObservedSecret
    differences: Differences
    """Where something between, such as an admission webhook, made it differ from what was sent."""


@dataclass(frozen=True, slots=True)
class _Desired:
    labels: dict[str, str]
    annotations: dict[str, str]
    data: dict[str, str] = field(repr=False)


async def read(kube: Kube, key: Key) -> Content | None:
    """Look into a Secret; None if there is none.

    Raises:
        ApiError: it could not be read.
    """
    try:
        body = await kube.get(secret_path(key), fields=True)
    except ApiError as error:
        if isinstance(error, NotFoundError):
            return None
        raise
    return content_of(body)


def content_of(body: JSON) -> Content:
    """What is read of a Secret, in a time that grows as its size does."""
    data, metadata = body.get("data") or {}, observe_secret(body["metadata"])
    facts = metadata.facts
    managers = body["metadata"].get("managedFields") or []
    labels, annotations = body["metadata"].get("labels") or {}, body["metadata"].get("annotations") or {}
    return Content(
        metadata=metadata,
        intact=facts is not None and len(data) <= MAX_KEYS and _is_intact(facts, data),
        data_editor=data_editor(managers),
        data_keys=frozenset(data),
        own_labels=_own_fields(managers, "f:labels", labels),
        own_annotations=_own_fields(managers, "f:annotations", annotations),
        type=str(body.get("type")),
        labels=labels,
        annotations=annotations,
        owners=body["metadata"].get("ownerReferences") or [],
        editor=_editor(managers),
        times=read_times(body["metadata"]),
    )


def _is_intact(facts: Facts, data: Mapping[str, str]) -> bool:
    return digest_data(facts.credential_uid, data) == facts.data_digest


async def write(kube: Kube, observed: Observed, held: HeldToken, content: Content | None) -> Written:
    """Create the token Secret, or change the one that was observed.

    Args:
        content: what a read of that Secret showed; None where nothing but the token is to change in it.

    Raises:
        ApiError: it was not written; 409 where the Secret is not as observed any more.
        TemplateError: a placeholder is unknown.
    """
    desired = _render(observed, held)
    key = Key(observed.key.namespace, observed.spec.secret.name)
    if observed.secret is None:
        body = _new(observed, desired)
        answer = await kube.create(secrets_path(key.namespace), body, accept=METADATA_OBJECT)
    else:
        body = _change(observed, observed.secret, desired, content)
        answer = await kube.patch(secret_path(key), body, accept=METADATA_OBJECT)
    return _written(observed, answer["metadata"])


async def write_metadata(kube: Kube, observed: Observed, content: Content) -> Written:
    """Put labels, annotations and the ownerReference of the token Secret right, and touch nothing else.

    Args:
        content: what a read of that Secret showed.

    Raises:
        ApiError: it was not written; 409 where the Secret is not as it was looked into any more.
    """
    secret, template = content.metadata, observed.spec.secret
    facts = {} if secret.facts is None else facts_of_spec(secret.facts, observed.spec_digests)
    own = {name for name in content.own_annotations if not name.startswith(f"{GROUP}/")}
    body = {
        "metadata": {
            "uid": secret.uid,
            "resourceVersion": str(secret.version),
            "labels": dict.fromkeys(content.own_labels) | wanted_labels(template),
            "annotations": dict.fromkeys(own) | dict(template.annotations) | facts,
            "ownerReferences": _owners(observed, content),
        }
    }
    key = Key(observed.key.namespace, template.name)
    answer = await kube.patch(secret_path(key), body, accept=METADATA_OBJECT)
    return _written(observed, answer["metadata"])


def _written(observed: Observed, metadata: JSON) -> Written:
    differences = compare(
        observed.spec.secret,
        Owner(observed.key, observed.uid),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        owners=metadata.get("ownerReferences") or [],
        editor=_editor(metadata.get("managedFields") or []),
    )
    return Written(observe_secret(metadata), differences)


def _owners(observed: Observed, content: Content) -> list[JSON] | None:
    secret = content.metadata
    former = secret.credential_uid or (secret.origin.credential_uid if secret.origin is not None else None)
    owner = Owner(observed.key, observed.uid, former)
    return owner.references(observed.spec.secret.deletion_policy, content.owners) or None


def _editor(managers: Iterable[JSON]) -> str:
    """Who else wrote last."""
    others = [(str(each.get("time")), str(each.get("manager"))) for each in managers if not _is_own(each)]
    return max(others, default=("", ""))[1]


def _is_own(manager: JSON) -> bool:
    return manager.get("manager") == FIELD_MANAGER


def _own_fields(managers: Iterable[JSON], kind: str, there: Mapping[str, str]) -> frozenset[str]:
    """Those of the labels or annotations in a Secret that this operator wrote.

    API concepts, "Server-Side Apply: field management".
    """
    names: set[str] = set()
    for manager in managers:
        if _is_own(manager):
            fields = manager.get("fieldsV1", {}).get("f:metadata", {}).get(kind, {})
            names.update(name for field in fields if (name := field[2:]) in there)
    return frozenset(names)


def _render(observed: Observed, held: HeldToken) -> _Desired:
    template = observed.spec.secret
    values = {
        "access_token": held.token.access_token,
        "token_type": held.token.token_type,
        "expires_at": to_rfc3339(held.facts.expires_at),
        "issued_at": to_rfc3339(held.facts.issued_at),
        "expires_in": str(int(held.token.expires_in.total_seconds())),
        "scope": held.scope,
    }
    if held.client_id is not None:
        values["client_id"] = held.client_id
    if held.facts.organization_id is not None:
        values["organization_id"] = held.facts.organization_id
    data = {key: base64.b64encode(render(text, values).encode()).decode() for key, text in template.data.items()}
    digests = observed.spec_digests
    facts = replace(
        held.facts,
        data_digest=digest_data(observed.uid, data),
        spec_digest=digests.whole,
        token_spec_digest=digests.token,
    )
    return _Desired(
        labels=wanted_labels(template),
        annotations={**template.annotations, **facts.to_annotations()},
        data=data,
    )


def _new(observed: Observed, desired: _Desired) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": observed.spec.secret.name,
            "namespace": observed.key.namespace,
            "labels": desired.labels,
            "annotations": desired.annotations,
            "ownerReferences": Owner(observed.key, observed.uid).references(observed.spec.secret.deletion_policy, []),
        },
        "type": observed.spec.secret.type,
        "data": desired.data,
    }


def _change(observed: Observed, secret: ObservedSecret, desired: _Desired, content: Content | None) -> dict[str, Any]:
    # In a merge patch null removes: what was ours and is no longer wanted goes, and so does data that is not ours.
    known = content or Content(secret, intact=True)
    removed = known.own_annotations | {LAST_APPLIED} & known.annotations.keys()
    metadata: dict[str, Any] = {
        "uid": secret.uid,
        "resourceVersion": str(secret.version),
        "labels": dict.fromkeys(known.own_labels) | desired.labels,
        "annotations": dict.fromkeys(removed) | desired.annotations,
    }
    if content is not None:
        metadata["ownerReferences"] = _owners(observed, content)
    return {
        "metadata": metadata,
        "type": observed.spec.secret.type,
        "data": dict.fromkeys(known.data_keys) | desired.data,
    }

"""How a Secret differs from what a spec wants of it: metadata that somebody changed, and data that a write would drop.

Only what the operator writes is compared: the labels and annotations of the spec, its own label, and the ownerReference
of its credential. All else belongs to others. Values are never kept, and of names only a few.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, NamedTuple

from adobe_ims_operator.api.resource import API_VERSION, JSON, KIND, Key, SecretTemplate

MANAGED_BY = {"app.kubernetes.io/managed-by": "adobe-ims-operator"}
MAX_NAMED = 10
"""Names that are kept of each kind, and shown in a message."""


class Differences(NamedTuple):
    """What differs, by name."""

    metadata: tuple[str, ...] = ()
    """Labels, annotations and the ownerReference that are not as they were written, in words."""
    keys: tuple[str, ...] = ()
    """Keys of its data that `spec.secret.data` does not name."""
    more_keys: int = 0
    """How many more there are than are named."""
    editor: str = ""
    """Who else wrote to it last, by the name in its managedFields; empty where nobody did."""


NO_DIFFERENCES = Differences()


@dataclass(frozen=True, slots=True)
class Owner:
    """The credential that a Secret belongs to, and of whose predecessor an ownerReference may be left."""

    key: Key
    uid: str
    former_uid: str | None = None

    def is_of(self, reference: JSON) -> bool:
        """Whether an ownerReference is of this credential, or of its predecessor."""
        return reference["uid"] in (self.uid, self.former_uid)

    def references(self, deletion_policy: str, existing: Iterable[JSON]) -> list[JSON]:
        """What `metadata.ownerReferences` should be: those of others stay."""
        others = [each for each in existing if not self.is_of(each)]
        return others if deletion_policy == "Retain" else [*others, self._reference(others)]

    def has_changed(self, deletion_policy: str, existing: Sequence[JSON]) -> bool:
        """Whether its own ownerReference is not as it should be."""
        own = [each for each in existing if self.is_of(each)]
        if deletion_policy == "Retain":
            return bool(own)
        wanted = self._reference([each for each in existing if not self.is_of(each)])
        # To block the owner's deletion is a choice that others may make.
        names = wanted.keys() - {"blockOwnerDeletion"}
        return len(own) != 1 or any(own[0].get(name, False) != wanted[name] for name in names)

    def _reference(self, others: Iterable[JSON]) -> dict[str, Any]:
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": self.key.name,
            "uid": self.uid,
            # Kubernetes takes one controller at most.
            "controller": not any(each.get("controller") for each in others),
            "blockOwnerDeletion": False,
        }


def compare(
    template: SecretTemplate,
    owner: Owner,
    *,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    owners: Sequence[JSON],
    data_keys: Iterable[str] = (),
    editor: str = "",
) -> Differences:
    """Compare a Secret with the spec of its credential."""
    changed = [f"label {name}" for name in _changed(wanted_labels(template), labels)]
    changed += [f"annotation {name}" for name in _changed(template.annotations, annotations)]
    if owner.has_changed(template.deletion_policy, owners):
        changed.insert(0, "ownerReference")
    surplus = set(data_keys) - template.data.keys()
    if not changed and not surplus:
        return NO_DIFFERENCES
    return Differences(
        tuple(changed[:MAX_NAMED]), tuple(nsmallest(MAX_NAMED, surplus)), max(0, len(surplus) - MAX_NAMED), editor[:64]
    )


def wanted_labels(template: SecretTemplate) -> dict[str, str]:
    """The labels that a token Secret is written with."""
    return {**template.labels, **MANAGED_BY}


def _changed(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    return [name for name, value in wanted.items() if found.get(name) != value]

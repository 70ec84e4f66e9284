"""Who else keeps an object as Git or a chart has it, and would undo what a person changes by hand.

Argo CD: "Resource Tracking", and the field manager `argocd-controller` (argo-cd, common.ArgoCDSSAManager). Flux labels
what its Kustomizations and HelmReleases apply with their name and namespace, and its field managers are
`kustomize-controller` and `helm-controller`. Helm: "Labels and Annotations", as `helm install --take-ownership` writes
them too, and the field manager `helm`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adobe_ims_operator.api.resource import JSON
from adobe_ims_operator.api.text import printable

_FIELD_MANAGERS = {
    "argocd-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "helm": "Helm",
}
MAX_NAME = 253
"""Characters of a name that is shown."""


@dataclass(frozen=True, slots=True)
class Manager:
    """Who keeps an object, in words, and whether it sets the field that was asked for."""

    name: str
    sets_field: bool


def managers(metadata: JSON, field: str) -> tuple[Manager, ...]:
    """Who else keeps an object, and whether they set a field of its spec."""
    owners = _owners_of(metadata.get("managedFields"), field)
    found = marks(_map(metadata.get("labels")), _map(metadata.get("annotations")))
    for tool in owners:
        found.setdefault(tool, tool)
    return tuple(Manager(name, owners.get(tool, False)) for tool, name in found.items())


def _owners_of(fields: object, name: str) -> dict[str, bool]:
    owners: dict[str, bool] = {}
    for entry in fields if isinstance(fields, list) else []:
        tool = _FIELD_MANAGERS.get(str(_map(entry).get("manager")))
        if tool is not None:
            sets = f"f:{name}" in _map(_map(_map(entry).get("fieldsV1")).get("f:spec"))
            owners[tool] = owners.get(tool, False) or sets
    return owners


def marks(labels: Mapping[str, Any], annotations: Mapping[str, Any]) -> dict[str, str]:
    """What each tool is called that left its mark on an object of any kind, in words, by the tool."""
    found = {}
    # The name of an application ends at the first colon of a tracking id.
    tracked = str(annotations.get("argocd.argoproj.io/tracking-id", "")).partition(":")[0]
    application = tracked or labels.get("argocd.argoproj.io/instance")
    if application:
        found["Argo CD"] = f"Argo CD's application {_short(application)}"
    for kind in ("kustomize", "helm"):
        name, namespace = (labels.get(f"{kind}.toolkit.fluxcd.io/{part}") for part in ("name", "namespace"))
        if name:
            what = "Kustomization" if kind == "kustomize" else "HelmRelease"
            found["Flux"] = f"Flux's {what} {_short(namespace)}/{_short(name)}"
    if release := annotations.get("meta.helm.sh/release-name"):
        found["Helm"] = f"Helm's release {_short(release)}"
    return found


def _short(name: object) -> str:
    return printable(str(name)[:MAX_NAME])


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

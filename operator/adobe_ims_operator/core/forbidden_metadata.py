"""What no token Secret may be made with: that by which other controllers take a Secret for their own configuration.

Anyone who may create credentials in the namespace of such a controller could otherwise configure it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from adobe_ims_operator.api.resource import SecretTemplate

DEFAULT = (
    # Argo CD deploys to the cluster that it describes: operator-manual/declarative-setup, "Clusters".
    "label:argocd.argoproj.io/secret-type=cluster",
    # cert-manager takes the CA from it that webhooks are trusted by: concepts/ca-injector.
    "annotation:cert-manager.io/allow-direct-injection",
    # Cluster API takes kubeconfigs, CAs and bootstrap data from it: developer/providers/contracts.
    "label:cluster.x-k8s.io/cluster-name",
    "type:cluster.x-k8s.io/secret",
    # Helm takes it for a release, which the next upgrade or rollback works from: pkg/storage/driver/secrets.go.
    "label:owner=helm",
    "type:helm.sh/release.v1",
    # Istio takes it for a remote cluster's kubeconfig: pkg/kube/multicluster/secretcontroller.go.
    "label:istio/multiCluster",
    # Kiali takes it for a remote cluster's kubeconfig: its multi-cluster documentation.
    "label:kiali.io/multiCluster",
    # Linkerd takes it for a remote cluster's kubeconfig: controller/api/destination/watcher/cluster_store.go.
    "type:mirror.linkerd.io/remote-kubeconfig",
    # Rancher's agent runs what it says on a node, as root: pkg/capr/common.go.
    "type:rke.cattle.io/machine-plan",
    # Sealed Secrets takes it for a private key: README, "Secret Rotation".
    "label:sealedsecrets.bitnami.com/sealed-secrets-key",
)
"""Those by which another controller takes a Secret for its own configuration, or for a cluster."""
ALWAYS = ("type:bootstrap.kubernetes.io/token", "type:kubernetes.io/service-account-token")
"""Types for which Kubernetes gives out credentials. The CRD refuses them too, but not in what was stored before."""

_PATTERN = re.compile(r"(?:label|annotation):[A-Za-z0-9._/-]+(?:\*|=[^\s*]*)?|type:[A-Za-z0-9._/-]+\*?")
_FORM = (
    "write label:KEY, label:KEY=VALUE, annotation:KEY, annotation:KEY=VALUE or type:TYPE, where KEY or TYPE may "
    "end in * for all that begin so; or default, or none"
)


class ForbiddenError(ValueError):
    """What should be forbidden can't be read."""


class _Rule(NamedTuple):
    kind: str
    name: str
    is_prefix: bool
    value: str | None
    """None where any value is forbidden."""

    def matches(self, name: str, value: str | None) -> bool:
        named = name.startswith(self.name) if self.is_prefix else name == self.name
        return named and self.value in (None, value)


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The labels, annotations and types that no token Secret may have."""

    rules: tuple[_Rule, ...]

    @classmethod
    def parse(cls, patterns: Iterable[str]) -> "Forbidden":
        """Read patterns; `default` stands for `DEFAULT`, and `none` for nothing.

        Raises:
            ForbiddenError: a pattern has another form.
        """
        rules = dict.fromkeys(_rule(pattern) for pattern in ALWAYS)
        for pattern in patterns:
            if pattern != "none":
                for each in DEFAULT if pattern == "default" else (pattern,):
                    rules[_rule(each)] = None
        return cls(tuple(rules))

    def first(self, template: SecretTemplate) -> str | None:
        """The first thing of a template that is forbidden, in words for a message; None where nothing is."""
        return self.first_of(template.type, template.labels, template.annotations)

    def first_of(self, kind: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str | None:
        """The first thing that is forbidden of a Secret's type, labels and annotations."""
        return (
            self._among("type", {kind: None}) or self._among("label", labels) or self._among("annotation", annotations)
        )

    def _among(self, kind: str, given: Mapping[str, str] | Mapping[str, None]) -> str | None:
        if not given:
            return None
        for rule in self.rules:
            if rule.kind == kind:
                # There may be tens of thousands of names, and as a rule only prefixes need a look at each.
                names = given if rule.is_prefix else {rule.name} & given.keys()
                for name in names:
                    if rule.matches(name, given[name]):
                        # A value is shown only where the rule names it, so that a message stays short.
                        return f"{kind} {name}" if rule.value is None else f"{kind} {name}={rule.value}"
        return None


def _rule(pattern: str) -> _Rule:
    if _PATTERN.fullmatch(pattern) is None:
        raise ForbiddenError(f"{pattern!r} forbids nothing; {_FORM}")
    kind, _, rest = pattern.partition(":")
    name, equals, value = rest.partition("=")
    return _Rule(kind, name.removesuffix("*"), name.endswith("*"), value if equals else None)

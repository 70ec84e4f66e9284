"""What the chart renders, by kind and name."""

from collections.abc import Mapping, Sequence
from typing import Any

from testbed.helm import template

Object = dict[str, Any]

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
NAME = {"app.kubernetes.io/name": "adobe-ims-operator", "app.kubernetes.io/instance": "adobe-ims-operator"}
OPERATOR = {**NAME, "app.kubernetes.io/component": "operator"}
EVERYTHING: Mapping[str, Any] = {
    "endpoints": ["https://ims.example.com:8443", "http://ims.test"],
    "allowHttpEndpoint": True,
    "forbid": ["default", "annotation:example.com/*", "label:example.com/role=admin"],
    "selector": "team=photos,tier!=test",
    "concurrency": 8,
    "imsQps": 0.5,
    "maxCredentialsPerNamespace": 20,
    "allowManagementScopes": True,
    "clientSecrets": {"enabled": True, "consoleEndpoint": "https://console.example.com"},
    "logFormat": "text",
    "logLevel": "debug",
    "restart": {"enabled": True},
    "caBundle": {"pem": CA},
    "proxy": {"httpsProxy": "http://proxy.example.com:3128", "noProxy": ".svc"},
    "replicaCount": 3,
    "imagePullSecrets": [{"name": "registry"}],
    "revisionHistoryLimit": 10,
    "runtimeClassName": "gvisor",
    "hostUsers": False,
    "hostAliases": [{"ip": "192.0.2.7", "hostnames": ["ims.test"]}],
    "commonLabels": {"team": "platform", "tier": "shared"},
    "deploymentAnnotations": {"example.com/owner": "platform"},
    "podAnnotations": {"example.com/note": "pod"},
    "podLabels": {"tier": "pods"},
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
    "extraArgs": ["--log-level=warning"],
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "affinity": {"nodeAffinity": {}},
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "adobe-ims-operator"}},
        }
    ],
    "priorityClassName": "system-cluster-critical",
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["192.0.2.1"]},
    "serviceAccount": {"annotations": {"example.com/role": "none"}, "labels": {"tier": "accounts"}},
    "podDisruptionBudget": {"enabled": True, "minAvailable": "50%"},
    "networkPolicy": {
        "enabled": True,
        "metricsFrom": [{"namespaceSelector": {}}],
        "extraEgress": [{"ports": [{"port": 9999}]}],
    },
    "metrics": {
        "service": {"labels": {"tier": "metrics"}, "annotations": {"example.com/scrape": "yes"}},
        "serviceMonitor": {
            "enabled": True,
            "interval": "30s",
            "scrapeTimeout": "10s",
            "labels": {"prometheus": "main"},
            "annotations": {"example.com/owner": "platform"},
            "relabelings": [{"action": "labeldrop", "regex": "endpoint"}],
            "metricRelabelings": [{"action": "labeldrop", "regex": "le"}],
        },
        "prometheusRule": {"enabled": True, "labels": {"prometheus": "main"}},
    },
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}},
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: text}\n",
    ],
}
"""Every value that is not of an alternative to another."""
INSTALLABLE: Mapping[str, Any] = {
    **EVERYTHING,
    "runtimeClassName": "",
    "metrics": {**EVERYTHING["metrics"], "serviceMonitor": {"enabled": False}, "prometheusRule": {"enabled": False}},
}
"""All of it that a cluster without a runtime class and the Prometheus operator, whose kinds these two are, can use."""


def render(**values: Any) -> list[Object]:
    """The objects of a release of the usual name; a value below another is given as a dict."""
    return template(values)


def of(objects: Sequence[Object], kind: str) -> dict[str, Object]:
    """Those of a kind, by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def one(objects: Sequence[Object], kind: str, name: str = "adobe-ims-operator") -> Object:
    return of(objects, kind)[name]


def pod(objects: Sequence[Object], name: str = "adobe-ims-operator") -> Object:
    """The template of the pods of a Deployment."""
    found: Object = one(objects, "Deployment", name)["spec"]["template"]
    return found


def container(objects: Sequence[Object], name: str = "adobe-ims-operator") -> Object:
    (found,) = pod(objects, name)["spec"]["containers"]
    return dict(found)


def alerts(values: Mapping[str, Any]) -> dict[str, Object]:
    """The alerts of the chart, by name."""
    (group,) = one(template(values), "PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}

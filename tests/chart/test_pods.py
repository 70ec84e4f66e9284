"""The pods that the chart describes: what they run, as whom, and with which settings."""

import hashlib
from collections.abc import Mapping
from typing import Any

import click
import pytest

from adobe_ims_operator.cli import run as cli
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_stand_in import __main__ as stand_in
from chart.objects import CA, EVERYTHING, Object, container, of, one, pod, render
from testbed.helm import template
from testbed.image import VERSION

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
CA_FILE = "/etc/adobe-ims-operator/ca/ca.crt"


def args(**values: Any) -> list[str]:
    return list(container(render(**values))["args"])


def parsed(command: click.Command, given: list[str]) -> Mapping[str, Any]:
    """The parameters as the command itself reads them; the authority's file is nowhere but in the pod."""
    name, *flags = [each for each in given if not each.startswith("--ims-ca-file=")]
    assert name == "run"
    return command.make_context(name, flags).params


def env(objects: list[Object]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(objects).get("env", [])}


def test_the_defaults_are_the_commands_own_with_one_pod_at_work_at_a_time() -> None:
    flags = parsed(cli.run, args())
    usual = parsed(cli.run, ["run"])
    assert flags == {**usual, "leader_elect": True}
    assert (flags["metrics_port"], flags["health_port"]) == (8080, 8081)


def test_every_setting_is_a_flag_that_the_command_knows() -> None:
    given = args(**EVERYTHING, watchNamespaces=["photos", "video"])
    assert f"--ims-ca-file={CA_FILE}" in given
    assert "--ims-ca-file" in {option for parameter in cli.run.params for option in parameter.opts}
    assert parsed(cli.run, given) == {
        "namespaces": ("photos", "video"),
        "selector": "team=photos,tier!=test",
        "endpoints": ("https://ims.example.com:8443", "http://ims.test"),
        "allow_http_endpoint": True,
        "management_scopes": True,
        "forbid": Forbidden.parse(["default", "annotation:example.com/*", "label:example.com/role=admin"]),
        "concurrency": 8,
        "ims_qps": 0.5,
        "max_credentials": 20,
        "ims_ca_file": None,
        "client_secrets": True,
        "console_endpoint": "https://console.example.com",
        "leader_elect": True,
        "lease_name": "adobe-ims-operator",
        "lease_namespace": None,
        "metrics_port": 8080,
        "metrics_cert_file": None,
        "metrics_key_file": None,
        "metrics_auth": False,
        "health_port": 8081,
        "log_format": "text",
        "log_level": "warning",
    }


def test_tokens_that_can_replace_client_secrets_are_allowed_only_where_somebody_says_so() -> None:
    flag = "--allow-management-scopes"
    assert flag in args(allowManagementScopes=True)
    assert flag not in args()


@pytest.mark.parametrize(
    ("values", "endpoint"),
    [
        ({}, "https://api.adobe.io"),
        ({"clientSecrets": {"consoleEndpoint": "https://console.example.com"}}, "https://console.example.com"),
        ({"standIn": {"enabled": True}}, "http://adobe-ims-operator-stand-in.adobe-ims-operator.svc:8090"),
    ],
    ids=["Adobe's", "another", "the stand-in"],
)
def test_client_secrets_are_served_by_one_console_api_where_somebody_says_so(
    values: Mapping[str, Any], endpoint: str
) -> None:
    enabled = {**values, "clientSecrets": {**values.get("clientSecrets", {}), "enabled": True}}
    flags = parsed(cli.run, args(**enabled))
    assert (flags["client_secrets"], flags["console_endpoint"]) == (True, endpoint)
    assert not [flag for flag in args(**values) if "client-secrets" in flag or "console" in flag]


def test_the_lease_has_the_name_of_the_release() -> None:
    (deployment,) = of(template({}, release="second"), "Deployment").values()
    assert "--lease-name=second-adobe-ims-operator" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def test_metrics_that_are_off_are_neither_served_nor_shown() -> None:
    objects = render(metrics={"enabled": False})
    assert "--metrics-port=0" in container(objects)["args"]
    assert [port["name"] for port in container(objects)["ports"]] == ["health"]
    assert not of(objects, "Service")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, f"adobe-ims-operator:{VERSION}"),
        ({"tag": "edge"}, "adobe-ims-operator:edge"),
        ({"registry": "registry.example.com/team"}, f"registry.example.com/team/adobe-ims-operator:{VERSION}"),
        ({"repository": "registry.example.com:5000/ims"}, f"registry.example.com:5000/ims:{VERSION}"),
        ({"digest": DIGEST}, f"adobe-ims-operator@{DIGEST}"),
        ({"tag": "0.2.0", "digest": DIGEST}, f"adobe-ims-operator:0.2.0@{DIGEST}"),
    ],
)
def test_an_image_is_named_by_tag_or_digest(image: Mapping[str, str], expected: str) -> None:
    assert container(render(image=image))["image"] == expected


@pytest.mark.parametrize(
    ("values", "operator", "stand_in"),
    [
        ({}, f"adobe-ims-operator:{VERSION}", f"adobe-ims-stand-in:{VERSION}"),
        (
            {"image": {"registry": "one.test/team", "tag": "edge"}},
            "one.test/team/adobe-ims-operator:edge",
            f"one.test/team/adobe-ims-stand-in:{VERSION}",
        ),
        (
            {"image": {"registry": "one.test"}, "global": {"imageRegistry": "two.test"}},
            f"two.test/adobe-ims-operator:{VERSION}",
            f"two.test/adobe-ims-stand-in:{VERSION}",
        ),
    ],
)
def test_the_registry_is_said_once_for_all_images(values: Mapping[str, Any], operator: str, stand_in: str) -> None:
    objects = render(standIn={"enabled": True}, **values)
    assert tuple(container(objects, name)["image"] for name in sorted(of(objects, "Deployment"))) == (
        operator,
        stand_in,
    )


def test_the_stand_in_can_have_a_digest_of_its_own() -> None:
    objects = render(standIn={"enabled": True, "image": {"repository": "ims", "digest": DIGEST}})
    assert container(objects, "adobe-ims-operator-stand-in")["image"] == f"ims@{DIGEST}"


def test_secrets_to_pull_with_come_from_both_places_and_are_named_once() -> None:
    shared = {"imagePullSecrets": ["shared", {"name": "own"}, {"name": "more"}]}
    objects = render(imagePullSecrets=[{"name": "own"}], standIn={"enabled": True}, **{"global": shared})
    for name in of(objects, "Deployment"):
        assert pod(objects, name)["spec"]["imagePullSecrets"] == [{"name": each} for each in ("own", "shared", "more")]
    assert "imagePullSecrets" not in pod(render())["spec"]


def restricted(template: Object) -> None:
    """What the level restricted of Pod Security asks for."""
    spec = template["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"} <= {
        "configMap",
        "secret",
        "emptyDir",
    }
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for each in spec["containers"]:
        assert each["securityContext"]["allowPrivilegeEscalation"] is False
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not any("hostPort" in port for port in each["ports"])


@pytest.mark.parametrize("values", [{"standIn": {"enabled": True}}, EVERYTHING], ids=["defaults", "everything"])
def test_pods_meet_the_level_restricted_and_write_nowhere(values: Mapping[str, Any]) -> None:
    objects = render(**values)
    for name in of(objects, "Deployment"):
        restricted(pod(objects, name))
        assert pod(objects, name)["spec"]["securityContext"]["runAsUser"] == 65532
        assert container(objects, name)["securityContext"]["readOnlyRootFilesystem"] is True


def test_variables_of_services_are_no_flags_of_the_operator() -> None:
    objects = render(standIn={"enabled": True})
    assert [pod(objects, name)["spec"]["enableServiceLinks"] for name in of(objects, "Deployment")] == [False, False]


def test_only_the_operator_has_a_token_of_the_api_server() -> None:
    objects = render(standIn={"enabled": True})
    assert pod(objects)["spec"]["automountServiceAccountToken"] is True
    assert pod(objects)["spec"]["serviceAccountName"] == "adobe-ims-operator"
    assert pod(objects, "adobe-ims-operator-stand-in")["spec"]["automountServiceAccountToken"] is False
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False


def test_an_account_that_is_there_already_is_used() -> None:
    objects = render(serviceAccount={"create": False, "name": "mine"})
    assert pod(objects)["spec"]["serviceAccountName"] == "mine"
    assert not of(objects, "ServiceAccount")
    bindings = [*of(objects, "ClusterRoleBinding").values(), *of(objects, "RoleBinding").values()]
    assert {binding["subjects"][0]["name"] for binding in bindings} == {"mine"}


def test_what_stands_before_an_authority_is_kept() -> None:
    bundle = f"  # Ours\n{CA}"
    assert one(render(caBundle={"pem": bundle}), "ConfigMap", "adobe-ims-operator-ca")["data"] == {"ca.crt": bundle}


def test_an_authority_in_the_values_is_mounted_and_rolls_the_pods_when_it_changes() -> None:
    objects = render(caBundle={"pem": CA})
    assert one(objects, "ConfigMap", "adobe-ims-operator-ca")["data"]["ca.crt"].strip() == CA.strip()
    assert pod(objects)["spec"]["volumes"] == [{"name": "ca", "configMap": {"name": "adobe-ims-operator-ca"}}]
    assert container(objects)["volumeMounts"] == [
        {"name": "ca", "mountPath": "/etc/adobe-ims-operator/ca", "readOnly": True}
    ]
    assert pod(objects)["metadata"]["annotations"] == {"checksum/ca": hashlib.sha256(CA.encode()).hexdigest()}


@pytest.mark.parametrize(
    ("bundle", "volume"),
    [
        ({"configMapName": "corporate"}, {"configMap": {"name": "corporate", "items": [{"key": "ca.crt"}]}}),
        (
            {"secretName": "corporate", "key": "root"},
            {"secret": {"secretName": "corporate", "items": [{"key": "root"}]}},
        ),
    ],
)
def test_an_authority_of_the_users_is_mounted(bundle: Mapping[str, str], volume: Object) -> None:
    objects = render(caBundle=bundle)
    (source,) = volume.values()
    source["items"][0]["path"] = "ca.crt"
    assert pod(objects)["spec"]["volumes"] == [{"name": "ca", **volume}]
    assert f"--ims-ca-file={CA_FILE}" in container(objects)["args"]
    assert not of(objects, "ConfigMap")


def test_a_proxy_is_the_usual_variables() -> None:
    given = {"httpProxy": "http://a:3128", "httpsProxy": "http://b:3128", "noProxy": ".svc,10.0.0.0/8"}
    expected = {"HTTP_PROXY": "http://a:3128", "HTTPS_PROXY": "http://b:3128", "NO_PROXY": ".svc,10.0.0.0/8"}
    assert env(render(proxy=given)) == expected
    assert env(render()) == {}


def test_the_stand_in_is_asked_past_the_proxy() -> None:
    objects = render(proxy={"httpProxy": "http://a:3128", "noProxy": ".svc"}, standIn={"enabled": True})
    assert env(objects)["NO_PROXY"] == ".svc,adobe-ims-operator-stand-in.adobe-ims-operator.svc"


def test_the_stand_in_is_the_only_endpoint_where_its_service_listens() -> None:
    objects = render(standIn={"enabled": True, "port": 8090, "expiresIn": 60})
    flags = parsed(cli.run, container(objects)["args"])
    assert flags["endpoints"] == ("http://adobe-ims-operator-stand-in.adobe-ims-operator.svc:8090",)
    assert flags["allow_http_endpoint"] is True
    served = container(objects, "adobe-ims-operator-stand-in")
    assert "command" not in served
    options = parsed(stand_in.run, served["args"])
    assert (options["http"], options["port"], options["expires_in"]) == (True, 8090, 60)
    assert "--host=0.0.0.0" in served["args"]
    service = one(objects, "Service", "adobe-ims-operator-stand-in")
    assert service["spec"]["ports"] == [{"name": "http", "port": 8090, "targetPort": "http"}]
    assert served["ports"] == [{"name": "http", "containerPort": 8090}]


def strategy(**values: Any) -> Object:
    found: Object = one(render(**values), "Deployment")["spec"]["strategy"]
    return found


def test_without_a_lease_one_pod_ends_before_the_next_begins() -> None:
    assert strategy(leaderElection={"enabled": False}) == {"type": "Recreate"}
    assert strategy(leaderElection={"enabled": False}, strategy={"type": "Recreate"}) == {"type": "Recreate"}
    assert strategy(strategy={"type": "Recreate"}) == {"type": "Recreate"}
    assert "--leader-elect" not in args(leaderElection={"enabled": False})


@pytest.mark.parametrize(
    ("values", "surge", "unavailable"),
    [
        ({}, 1, 0),
        ({"strategy": {"type": "RollingUpdate"}}, 1, 0),
        ({"hostNetwork": True}, 0, 1),
        ({"strategy": {"rollingUpdate": {"maxSurge": 0}}}, 0, "25%"),
        ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}, "25%", 1),
    ],
)
def test_how_pods_roll_is_always_said_by_both_numbers(
    values: Mapping[str, Any], surge: object, unavailable: object
) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    assert strategy(**values) == {"type": "RollingUpdate", "rollingUpdate": rolling}


def test_the_user_may_be_left_to_the_cluster() -> None:
    context = pod(render(podSecurityContext={"runAsUser": None, "runAsGroup": None}))["spec"]["securityContext"]
    assert context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_probes_are_changed_in_part_and_left_out() -> None:
    probed = container(render(livenessProbe={"periodSeconds": 30}, readinessProbe=None, startupProbe=None))
    assert probed["livenessProbe"]["periodSeconds"] == 30
    assert probed["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "health"}
    assert not {"readinessProbe", "startupProbe"} & probed.keys()
    assert container(render())["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}


def test_what_is_given_for_the_pod_is_in_the_pod() -> None:
    objects = render(**EVERYTHING)
    spec = pod(objects)["spec"]
    fields = ("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "priorityClassName")
    usual = ("runtimeClassName", "hostUsers", "hostAliases", "dnsPolicy", "dnsConfig", "imagePullSecrets")
    for field in (*fields, *usual):
        assert spec[field] == EVERYTHING[field]
    assert EVERYTHING["extraVolumes"][0] in spec["volumes"]
    assert EVERYTHING["extraVolumeMounts"][0] in container(objects)["volumeMounts"]
    assert EVERYTHING["extraEnv"][0] in container(objects)["env"]
    assert one(objects, "Deployment")["metadata"]["annotations"] == EVERYTHING["deploymentAnnotations"]
    assert pod(objects)["metadata"]["annotations"].items() >= EVERYTHING["podAnnotations"].items()
    assert one(objects, "ServiceAccount")["metadata"]["annotations"] == EVERYTHING["serviceAccount"]["annotations"]
    assert one(objects, "ServiceAccount")["metadata"]["labels"]["tier"] == "accounts"
    assert one(objects, "Deployment")["spec"]["revisionHistoryLimit"] == EVERYTHING["revisionHistoryLimit"]
    assert one(render(revisionHistoryLimit=0), "Deployment")["spec"]["revisionHistoryLimit"] == 0
    assert "revisionHistoryLimit" not in one(render(), "Deployment")["spec"]
    assert pod(render(hostNetwork=True))["spec"]["hostNetwork"] is True


def test_containers_before_and_beside_the_operator_are_as_given() -> None:
    more = {"name": "more", "image": "more:1"}
    spec = pod(render(initContainers=[{**more, "name": "first"}], extraContainers=[more]))["spec"]
    assert spec["initContainers"] == [{**more, "name": "first"}]
    assert [each["name"] for each in spec["containers"]] == ["operator", "more"]
    assert spec["containers"][1] == more
    assert not {"initContainers", "hostUsers"} & pod(render())["spec"].keys()


def test_replicas_go_to_nodes_of_their_own_where_that_is_possible_and_nobody_says_otherwise() -> None:
    (apart,) = pod(render(replicaCount=2))["spec"]["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    term = apart["podAffinityTerm"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"] == one(render(), "Deployment")["spec"]["selector"]["matchLabels"]
    given: Object = {"nodeAffinity": {}}
    assert pod(render(replicaCount=2, affinity=given))["spec"]["affinity"] == given
    assert "affinity" not in pod(render())["spec"]

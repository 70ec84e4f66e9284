"""What the chart lets the operator do, and people: exactly what is used, and in named namespaces by Roles only."""

from collections.abc import Sequence

from adobe_ims_operator.cli.permissions import METRICS_AUTH
from chart.objects import Object, of, render
from permissions import flat
from testbed import operator_process

NAMESPACED = ("photos", "video")
LEASES = "adobe-ims-operator-leader-election"
PEOPLE = {"adobe-ims-operator-view", "adobe-ims-operator-edit"}


def granted(objects: Sequence[Object], kind: str) -> dict[tuple[str, str], list[Object]]:
    """The rules of each role, by its namespace and name; none that nobody is bound to."""
    bindings = {
        (each["metadata"].get("namespace", ""), each["roleRef"]["kind"], each["roleRef"]["name"])
        for each in objects
        if each["kind"] == f"{kind}Binding"
    }
    roles = {
        (each["metadata"].get("namespace", ""), each["metadata"]["name"]): each["rules"]
        for each in objects
        if each["kind"] == kind
    }
    return {key: rules for key, rules in roles.items() if (key[0], kind, key[1]) in bindings}


def test_by_default_it_works_in_all_namespaces_and_rolls_nothing() -> None:
    objects = render()
    (rules,) = granted(objects, "ClusterRole").values()
    assert rules == [
        {"apiGroups": ["adobe-ims.dev"], "resources": ["adobeimscredentials"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["adobe-ims.dev"], "resources": ["adobeimscredentials/status"], "verbs": ["patch"]},
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "verbs": ["get", "list", "watch", "create", "patch", "delete"],
        },
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]
    assert granted(objects, "Role") == {
        ("adobe-ims-operator", LEASES): [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": ["adobe-ims-operator"],
                "verbs": ["get", "update"],
            },
        ]
    }


def test_restarts_take_leave_to_read_and_patch_workloads() -> None:
    objects = render(restart={"enabled": True})
    assert granted(objects, "ClusterRole")["", "adobe-ims-operator-restart"] == [
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["get", "patch"]},
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get", "patch"]},
    ]


def test_client_secrets_take_leave_to_read_their_objects_and_to_write_their_status() -> None:
    enabled = {"clientSecrets": {"enabled": True}}
    rules = granted(render(**enabled), "ClusterRole")["", "adobe-ims-operator-client-secrets"]
    assert rules == [
        {"apiGroups": ["adobe-ims.dev"], "resources": ["adobeimsclientsecrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["adobe-ims.dev"], "resources": ["adobeimsclientsecrets/status"], "verbs": ["patch"]},
    ]
    roles = granted(render(watchNamespaces=NAMESPACED, **enabled), "Role")
    assert {key: found for key, found in roles.items() if key[1].endswith("-client-secrets")} == {
        (namespace, "adobe-ims-operator-client-secrets"): rules for namespace in NAMESPACED
    }
    assert "adobeimsclientsecrets" not in str([granted(render(), kind) for kind in ("ClusterRole", "Role")])
    assert not granted(render(watchNamespaces=NAMESPACED, rbac={"create": False}, **enabled), "Role")


def test_who_may_read_metrics_is_asked_for_in_no_namespace_and_only_with_authentication() -> None:
    tls = {"secretName": "metrics-tls"}
    granted_for = granted(
        render(watchNamespaces=NAMESPACED, metrics={"tls": tls, "auth": {"enabled": True}}), "ClusterRole"
    )
    assert flat([rule for rules in granted_for.values() for rule in rules]) == set(METRICS_AUTH)
    assert granted_for == {
        ("", "adobe-ims-operator-metrics-auth"): [
            {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
            {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
        ]
    }
    assert not granted(render(watchNamespaces=NAMESPACED, metrics={"tls": tls}), "ClusterRole")


def test_in_named_namespaces_there_are_roles_only() -> None:
    objects = render(watchNamespaces=NAMESPACED, restart={"enabled": True})
    assert of(objects, "ClusterRole").keys() == PEOPLE
    assert not of(objects, "ClusterRoleBinding")
    everywhere = granted(render(restart={"enabled": True}), "ClusterRole")
    expected = {(namespace, name): rules for (_, name), rules in everywhere.items() for namespace in NAMESPACED}
    roles = granted(objects, "Role")
    assert {key: rules for key, rules in roles.items() if key[1] != LEASES} == expected
    assert [key for key in roles if key[1] == LEASES] == [("adobe-ims-operator", LEASES)]


def test_a_namespace_that_is_not_made_yet_can_be_watched_without_a_role_there() -> None:
    first, *_ = NAMESPACED
    objects = render(watchNamespaces=NAMESPACED, rbac={"namespaces": [first]}, restart={"enabled": True})
    roles = {key for key in granted(objects, "Role") if key[1] != LEASES}
    assert roles == {(first, "adobe-ims-operator"), (first, "adobe-ims-operator-restart")}
    [deployment] = of(objects, "Deployment").values()
    arguments = str(deployment)
    assert all(namespace in arguments for namespace in NAMESPACED)
    assert not of(objects, "ClusterRoleBinding")


def test_no_cluster_role_at_all_is_a_choice() -> None:
    objects = render(watchNamespaces=NAMESPACED, rbac={"aggregateClusterRoles": False})
    assert not {each["kind"] for each in objects} & {"ClusterRole", "ClusterRoleBinding"}


def test_all_roles_are_bound_to_the_operators_account_in_its_own_namespace() -> None:
    objects = [*render(restart={"enabled": True}), *render(watchNamespaces=NAMESPACED)]
    bindings = [each for each in objects if each["kind"].endswith("Binding")]
    assert len(bindings) == 3 + 3
    subject = {"kind": "ServiceAccount", "name": "adobe-ims-operator", "namespace": "adobe-ims-operator"}
    assert [each["subjects"] for each in bindings] == [[subject]] * len(bindings)


def test_no_rule_has_a_wildcard() -> None:
    objects = render(restart={"enabled": True}, clientSecrets={"enabled": True})
    roles = [*of(objects, "ClusterRole").values(), *of(objects, "Role").values()]
    assert "*" not in str([role["rules"] for role in roles])


def test_without_a_lease_there_is_no_leave_for_one() -> None:
    assert not granted(render(leaderElection={"enabled": False}), "Role")


def test_permissions_of_somebody_elses_making_are_left_to_them() -> None:
    objects = render(rbac={"create": False, "aggregateClusterRoles": False}, restart={"enabled": True})
    assert not [each for each in objects if each["kind"].startswith(("Role", "ClusterRole"))]


def test_people_get_by_the_clusters_own_roles_what_concerns_both_kinds_and_nothing_else() -> None:
    roles = of(render(), "ClusterRole")
    verbs = {}
    for name in PEOPLE:
        (rule,) = roles[name]["rules"]
        assert rule["apiGroups"] == ["adobe-ims.dev"]
        assert rule["resources"] == ["adobeimscredentials", "adobeimsclientsecrets"]
        labels = roles[name]["metadata"]["labels"]
        verbs[name] = (rule["verbs"], sorted(label for label in labels if "/aggregate-to-" in label))
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert verbs == {
        "adobe-ims-operator-view": (
            ["get", "list", "watch"],
            [f"{prefix}{role}" for role in ("admin", "cluster-reader", "edit", "view")],
        ),
        "adobe-ims-operator-edit": (
            ["create", "delete", "deletecollection", "patch", "update"],
            [f"{prefix}{role}" for role in ("admin", "edit")],
        ),
    }


def test_tests_and_demo_run_with_the_charts_permissions() -> None:
    objects = render(restart={"enabled": True})
    everywhere = granted(objects, "ClusterRole")
    assert len(everywhere) == 2
    names = ("adobe-ims-operator", "adobe-ims-operator-restart")
    assert operator_process.rules() == [rule for name in names for rule in everywhere["", name]]
    assert operator_process.lease_rules() == granted(objects, "Role")["adobe-ims-operator", LEASES]
    with_client_secrets = granted(render(clientSecrets={"enabled": True}), "ClusterRole")
    assert operator_process.client_secret_rules() == with_client_secrets["", "adobe-ims-operator-client-secrets"]

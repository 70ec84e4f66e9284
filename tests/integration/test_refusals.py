"""What the API server refuses at once, with a message that says what to write instead."""

from typing import Any

import pytest

from adobe_ims_operator.api.resource import API_VERSION, KIND
from testbed.api import Api, ApiError

CLIENT = {"secretRef": {"name": "oauth"}}
TOKEN_FROM = {"namespace": "photos", "name": "lightroom"}


def manifest(spec: dict[str, Any], name: str = "lightroom") -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def namespace(control_plane: Any) -> str:
    with Api.from_kubeconfig(control_plane.kubeconfig) as api:
        return api.create_namespace()


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ({}, "set spec.client, with which IMS is asked for a token, or spec.tokenFrom"),
        ({"client": CLIENT, "tokenFrom": TOKEN_FROM}, "whose token is taken; not both"),
        ({"tokenFrom": {"name": "x"}}, "spec.tokenFrom.namespace: Required value"),
        ({"tokenFrom": {"namespace": "a.b", "name": "x"}}, "must be the name of a namespace"),
        ({"tokenFrom": {"namespace": "a", "name": "A"}}, "must be the name of an AdobeIMSCredential"),
        ({"tokenFrom": TOKEN_FROM, "endpoint": "https://ims-na1.adobelogin.com"}, "remove spec.endpoint"),
        ({"tokenFrom": TOKEN_FROM, "sharedWith": {"namespaces": ["a"]}}, "remove spec.sharedWith"),
        ({"tokenFrom": TOKEN_FROM, "scopes": ["openid"]}, "remove spec.scopes"),
        ({"tokenFrom": TOKEN_FROM, "rotation": {"interval": "1h"}}, "remove spec.rotation"),
        ({"client": CLIENT, "sharedWith": {}}, "spec.sharedWith.namespaces: Required value"),
        ({"client": CLIENT, "sharedWith": {"namespaces": ["team-*"]}}, "must be the name of a namespace"),
        ({"client": CLIENT, "sharedWith": {"namespaces": ["x" * 64]}}, "may not be more than 63"),
        (
            {"client": CLIENT, "sharedWith": {"namespaces": [f"n{n}" for n in range(1001)]}},
            "must have at most 1000 items",
        ),
        (
            {"client": CLIENT, "sharedWith": {"namespaces": []}, "secret": {"data": {"a": "Bearer $(access_token)"}}},
            "add one to spec.secret.data whose text is $(access_token)",
        ),
        ({"client": {}}, "spec.client.secretRef: Required value"),
        (
            {"client": {"secretRef": {"name": "No Name"}}},
            "lower-case letters, digits, '-' and '.', such as lightroom-oauth",
        ),
        ({"client": {**CLIENT, "idKey": "client id"}}, "must be a key of a Secret"),
        ({"client": {**CLIENT, "secretKeys": []}}, "should have at least 1 items"),
        ({"client": {**CLIENT, "secretKeys": ["a", "a"]}}, "must not name the same thing twice"),
        ({"client": {**CLIENT, "organizationId": "photos"}}, "such as 0123456789ABCDEF01234567@AdobeOrg"),
        (
            {"client": CLIENT, "secret": {"data": {"a": "$(access_token)", "b": "$(organization_id)"}}},
            "$(organization_id) has no value; set spec.client.organizationId",
        ),
        ({"client": CLIENT, "scopes": ["openid AdobeID"]}, "write several as a list: scopes: [openid, AdobeID]"),
        ({"client": CLIENT, "scopes": ["openid,AdobeID"]}, "write several as a list: scopes: [openid, AdobeID]"),
        ({"client": CLIENT, "endpoint": "https://-"}, "such as https://ims-na1.adobelogin.com"),
        ({"client": CLIENT, "secret": {"type": "a b"}}, "such as Opaque or example.com/token"),
        ({"client": CLIENT, "secret": {"data": {"a": "${access_token}"}}}, "no key holds the token"),
        ({"client": CLIENT, "endpoint": "ims-na1.adobelogin.com"}, "such as https://ims-na1.adobelogin.com"),
        ({"client": CLIENT, "endpoint": "https://ims-na1.adobelogin.com/ims/token/v3"}, "a host without a path"),
        ({"client": CLIENT, "rotation": {"interval": "24h"}}, "from 1m to 23h59m, written like 23h, 90m or 1h30m"),
        ({"client": CLIENT, "rotation": {"interval": "59s"}}, "from 1m to 23h59m"),
        ({"client": CLIENT, "rotation": {"interval": "1 day"}}, "written like 23h, 90m or 1h30m"),
        ({"client": CLIENT, "rotation": {"interval": ""}}, "written like 23h, 90m or 1h30m"),
        ({"client": CLIENT, "secret": {"name": "oauth"}}, "set spec.secret.name to a name other than"),
        ({"client": CLIENT, "secret": {"data": {}}}, "should have at least 1 properties"),
        ({"client": CLIENT, "secret": {"data": {"a b": "x"}}}, "such as access_token or config.json"),
        ({"client": CLIENT, "secret": {"data": {"a": "$(acces_token)"}}}, "unknown placeholder; use $(access_token)"),
        ({"client": CLIENT, "secret": {"data": {"a": "$(client_secret)"}}}, "unknown placeholder"),
        ({"client": CLIENT, "secret": {"data": {"a": "$(access_token"}}}, "write $$( where the text itself has $("),
        ({"client": CLIENT, "secret": {"data": {"a": "$$$(hostname)"}}}, "unknown placeholder"),
        ({"client": CLIENT, "secret": {"labels": {"adobe-ims.dev/x": "y"}}}, "belong to the operator"),
        ({"client": CLIENT, "secret": {"annotations": {"adobe-ims.dev/rotate": "y"}}}, "belong to the operator"),
        ({"client": CLIENT, "secret": {"labels": {"team": "a b"}}}, "must be a label value"),
        ({"client": CLIENT, "secret": {"labels": {"a/b/c": "d"}}}, "such as team or example.com/team"),
        ({"client": CLIENT, "secret": {"type": "kubernetes.io/service-account-token"}}, "use Opaque"),
        (
            {"client": CLIENT, "restart": [{"kind": "Job", "name": "x"}]},
            'supported values: "Deployment", "StatefulSet"',
        ),
        ({"client": CLIENT, "restart": [{"kind": "Deployment", "name": "A"}]}, "must be the name of a workload"),
        ({"client": CLIENT, "secret": {"deletionPolicy": "Keep"}}, 'supported values: "Delete", "Retain"'),
        ({"client": CLIENT, "secret": {"data": {"a": "$$(access_token)"}}}, "no key holds the token"),
        ({"client": CLIENT, "secret": {"data": {"a": "$(access_token)" * 65}}}, "more than 64 placeholders"),
        (
            {"client": CLIENT, "secret": {"data": {f"k{n}": "$(access_token)" + "x" * 16_000 for n in range(9)}}},
            "may not have more than 131072 characters",
        ),
        (
            {"client": CLIENT, "secret": {"annotations": {f"k{n}": "x" * 4096 for n in range(16)}}},
            "may not have more than 65536 characters",
        ),
        (
            {"client": CLIENT, "scopes": [f"{n:x<100}" for n in range(41)]},
            "may not have more than 4096",
        ),
        ({"client": CLIENT, "secret": {"data": {"a": "x" * 20_000}}}, "may not be more than 16384"),
    ],
)
def test_a_bad_spec_is_refused_with_advice(api: Api, namespace: str, spec: dict[str, Any], advice: str) -> None:
    with pytest.raises(ApiError) as refused:
        api.apply(manifest(spec), namespace=namespace)
    assert refused.value.status == 422
    assert advice in refused.value.message


def test_a_name_that_is_the_client_secrets_is_refused_where_secret_name_is_left_out(api: Api, namespace: str) -> None:
    with pytest.raises(ApiError, match="the token would overwrite the client Secret"):
        api.apply(manifest({"client": CLIENT}, name="oauth"), namespace=namespace)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "$(access_token)",
        "$$(hostname)",
        "$$(organization_id)",
        "a $ b $$ c",
        "$5 $x",
        "$$$(access_token)",
        "two\nlines $(scope)\n",
    ],
)
def test_a_good_template_is_taken(api: Api, namespace: str, text: str) -> None:
    applied = api.apply(
        manifest({"client": CLIENT, "secret": {"data": {"a": text, "t": "$(access_token)"}}}, "good"),
        namespace=namespace,
    )
    assert applied["spec"]["secret"]["data"]["a"] == text


def test_who_takes_a_token_may_give_its_secret_any_name_and_each_placeholder(api: Api, namespace: str) -> None:
    template = {"name": "oauth", "data": {"a": "$(access_token) $(organization_id)"}}
    api.apply(manifest({"tokenFrom": TOKEN_FROM, "secret": template}, "oauth"), namespace=namespace)
    names = [f"{number:063d}" for number in range(1000)]
    api.apply(manifest({"client": CLIENT, "sharedWith": {"namespaces": names}}, "widely"), namespace=namespace)
    defaults = {"scopes": ["openid", "AdobeID", "read_organizations"], "rotation": {"interval": "23h"}}
    api.apply(manifest({"tokenFrom": TOKEN_FROM, **defaults}, "defaults"), namespace=namespace)


def test_defaults_are_filled_in(api: Api, namespace: str) -> None:
    assert api.apply(manifest({"client": CLIENT}, "plain"), namespace=namespace)["spec"] == {
        "client": {"secretRef": {"name": "oauth"}, "idKey": "client_id", "secretKeys": ["client_secret"]},
        "scopes": ["openid", "AdobeID", "read_organizations"],
        "rotation": {"interval": "23h"},
        "secret": {
            "type": "Opaque",
            "data": {"access_token": "$(access_token)"},
            "deletionPolicy": "Delete",
            "adopt": False,
            "dropOtherKeys": False,
        },
        "suspend": False,
    }


def test_the_type_of_the_secret_changes_only_together_with_its_name(api: Api, namespace: str) -> None:
    def apply(**secret: str) -> None:
        api.apply(manifest({"client": CLIENT, "secret": secret}, "typed"), namespace=namespace)

    apply(name="one")
    with pytest.raises(ApiError) as refused:
        apply(name="one", type="example.com/token")
    assert "give spec.secret.name a new value together with the new type" in refused.value.message
    apply(name="two", type="example.com/token")
    apply(name="typed", type="example.com/token")
    with pytest.raises(ApiError):
        apply(type="example.com/other")


@pytest.mark.parametrize("field", ["scope", "refreshInterval", "clientId"])
def test_kubectl_names_a_field_that_does_not_exist(api: Api, namespace: str, field: str) -> None:
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/adobeimscredentials?fieldValidation=Strict"
    with pytest.raises(ApiError, match=f'unknown field "spec.{field}"'):
        api.post(path, manifest({"client": CLIENT, field: "x"}, "unknown"))

"""`check`: says whether the operator has what it needs here, and names the culprit, without changing anything."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.command import Ended, asked, command
from testbed.address import free_ports
from testbed.api import wait_for
from testbed.odd_api import Odd, OddApi
from testbed.operator_process import ACCOUNT, create_account
from testbed.scene import CLIENT, Scene, allow

NOT_WELL = 3


@pytest.fixture
def account(scene: Scene, tmp_path: Path) -> Path:
    """A kubeconfig of the operator's own account in the scene."""
    folder = tmp_path / "account"
    folder.mkdir()
    plane = scene.control_plane
    return create_account(scene.api, plane.kubeconfig, scene.namespace, folder)


def check(scene: Scene, kubeconfig: Path, *arguments: str, run: Sequence[str] | None = (), **environment: str) -> Ended:
    """Check with these flags of `run` too; with none where it is None."""
    after: list[str] = []
    if run is not None:
        endpoint = () if "--endpoint" in run else ("--endpoint", scene.ims.url, "--ims-ca-file", str(scene.ims.ca))
        after = ["--", *endpoint, *run]
    return command(
        kubeconfig, "check", "-n", scene.namespace, "-o", "json", *arguments, *after, environment=environment
    )


def found(ended: Ended, name: str, target: str = "") -> dict[str, Any]:
    """The one check of that name whose target has that text."""
    assert ended.out, ended.err
    (result,) = [each for each in ended.document["checks"] if each["check"] == name and target in each["target"]]
    return dict(result)


def test_all_is_well_in_a_sound_installation_and_nothing_is_changed(scene: Scene, account: Path) -> None:
    scene.client_secret()
    scene.replica("one")
    scene.credential()
    scene.wait_ready()
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{scene.namespace}/leases/{ACCOUNT}"
    wait_for("the Lease", lambda: scene.api.get(lease)["spec"]["holderIdentity"])
    events = f"/apis/events.k8s.io/v1/namespaces/{scene.namespace}/events"
    wait_for("its Event, so that none is on its way", lambda: scene.api.get(events)["items"])
    scene.kill_operators()
    before, requests = scene.audited_from(), scene.ims.requests().total
    run = ("--leader-elect", "--lease-namespace", scene.namespace)
    for arguments in ((), ("lightroom",), ("--client-secret", "oauth")):
        ended = check(scene, account, *arguments, run=run)
        assert ended.code == 0, ended.out
        private = (scene.data()["access_token"], SAMPLE_CLIENT_SECRET)
        assert not any(each in ended.out + ended.err for each in private)
    assert scene.ims.requests().total == requests + 2  # for NAME, and for the Secret
    verbs = asked(scene, before, f"system:serviceaccount:{scene.namespace}:{ACCOUNT}")
    assert verbs.count(("get", "secrets")) == 3  # two for NAME, one for the Secret
    # A watch of the operator that was killed may be logged at its end.
    writes = {each for each in verbs if each[0] not in ("get", "list", "watch")}
    assert writes == {("create", "selfsubjectaccessreviews"), ("create", "selfsubjectreviews")}


def test_a_permission_that_is_missing_is_named(scene: Scene, account: Path) -> None:
    allow(scene.api, scene.namespace, "secrets", ["get", "list", "watch", "create", "patch"])
    denied = wait_for(
        "the denial", lambda: each if (each := check(scene, account)).code == NOT_WELL else None, timeout=30
    )
    result = _permission(denied)
    assert result["culprit"] == "RBAC"
    assert result["message"].endswith("may not delete secrets")


def _permission(ended: Ended) -> dict[str, Any]:
    results = [each for each in ended.document["checks"] if each["check"] == "permissions"]
    (result,) = [each for each in results if each["outcome"] == "Failed"]
    return dict(result)


def test_restarts_that_are_not_granted_are_a_warning(scene: Scene, account: Path) -> None:
    allow(scene.api, scene.namespace, "deployments", ["get"])

    def warned() -> list[str]:
        results = check(scene, account).document["checks"]
        return [each["message"] for each in results if each["outcome"] == "Warning"]

    (message,) = wait_for("the denial", warned)
    assert "may not patch deployments.apps" in message
    assert "restart.enabled=true" in message


def test_what_metrics_auth_needs_is_looked_at_only_where_it_is_on(scene: Scene, account: Path, tmp_path: Path) -> None:
    chain, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    flags = (f"--metrics-cert-file={chain}", f"--metrics-key-file={key}", "--metrics-auth")
    message = _permission(check(scene, account, run=flags))["message"]
    assert message.endswith(
        "may not create tokenreviews.authentication.k8s.io, create subjectaccessreviews.authorization.k8s.io"
    )
    assert "tokenreviews" not in str(check(scene, account).document)


def test_a_person_is_told_where_the_operators_permissions_are_checked(scene: Scene) -> None:
    result = found(check(scene, scene.control_plane.kubeconfig), "permissions")
    assert (result["outcome"], result["target"]) == ("Skipped", "admin")
    assert "exec deploy/adobe-ims-operator" in result["message"]


def test_a_lease_that_nobody_has_or_renews_is_found(scene: Scene, account: Path) -> None:
    run = ("--leader-elect", "--lease-namespace", scene.namespace)
    assert found(check(scene, account, run=run), "lease")["message"] == "there is none, so no replica has led yet"
    path = f"/apis/coordination.k8s.io/v1/namespaces/{scene.namespace}/leases"
    spec = {"holderIdentity": "pod-1", "renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15}
    scene.api.post(path, {"metadata": {"name": ACCOUNT}, "spec": spec})
    stale = check(scene, account, run=run)
    assert (stale.code, found(stale, "lease")["culprit"]) == (NOT_WELL, "operator")
    assert "pod-1 has it and has not renewed it for" in found(stale, "lease")["message"]
    scene.api.patch(f"{path}/{ACCOUNT}", {"spec": {"holderIdentity": ""}})
    assert "no replica leads" in found(check(scene, account, run=run), "lease")["message"]


def test_the_lease_of_an_operator_is_found_from_outside_of_its_pod(scene: Scene) -> None:
    spec = {"holderIdentity": "pod-1", "renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15}
    path = f"/apis/coordination.k8s.io/v1/namespaces/{scene.namespace}/leases"
    scene.api.post(path, {"metadata": {"name": ACCOUNT}, "spec": spec})
    variables = {"ADOBE_IMS_OPERATOR_ENDPOINT": scene.ims.url, "ADOBE_IMS_OPERATOR_IMS_CA_FILE": str(scene.ims.ca)}
    ended = check(scene, scene.control_plane.kubeconfig, run=None, **variables)
    result = found(ended, "lease", scene.namespace)
    assert (result["outcome"], result["culprit"]) == ("Failed", "operator")
    assert found(check(scene, scene.control_plane.kubeconfig), "lease")["outcome"] == "Skipped"


def test_an_endpoint_is_looked_at_by_dns_network_tls_and_proxy(scene: Scene) -> None:
    kubeconfig, port = scene.control_plane.kubeconfig, free_ports(1)[0]
    sound = check(scene, kubeconfig)
    assert found(sound, "dns")["outcome"] == "OK"
    assert "directly, over TLS with a certificate that is trusted" in found(sound, "connection")["message"]
    distrusted = check(scene, kubeconfig, run=("--endpoint", scene.ims.url))
    assert "its TLS certificate is not trusted" in found(distrusted, "connection")["message"]
    assert found(distrusted, "connection")["culprit"] == "TLS certificate"
    nameless = check(scene, kubeconfig, run=("--endpoint", "https://ims.invalid"))
    assert (nameless.code, found(nameless, "dns")["culprit"]) == (NOT_WELL, "DNS")
    closed = check(scene, kubeconfig, run=("--endpoint", f"https://127.0.0.1:{port}"))
    assert "connection refused" in found(closed, "connection")["message"]
    proxied = check(scene, kubeconfig, HTTPS_PROXY=f"http://user:hunter2@127.0.0.1:{port}", NO_PROXY="", no_proxy="")
    assert found(proxied, "connection")["culprit"] == "proxy"
    assert "of HTTPS_PROXY" in found(proxied, "connection")["message"]
    assert "hunter2" not in proxied.out + proxied.err
    assert scene.ims.requests().total == 0


def test_the_flags_of_run_may_be_variables(scene: Scene) -> None:
    variables = {"ADOBE_IMS_OPERATOR_ENDPOINT": scene.ims.url, "ADOBE_IMS_OPERATOR_IMS_CA_FILE": str(scene.ims.ca)}
    ended = command(scene.control_plane.kubeconfig, "check", "-o", "json", environment=variables)
    connection = found(ended, "connection")
    assert (connection["target"], connection["outcome"]) == (scene.ims.url, "OK")


@pytest.mark.parametrize(
    ("data", "spec", "reason", "culprit"),
    [
        ({}, {}, "ClientSecretKeyMissing", "client Secret"),
        ({**CLIENT, "client_id": "nobody"}, {}, "InvalidClient", "client id"),
        ({**CLIENT, "client_secret": "p8e-wrong"}, {}, "InvalidClient", "client secret"),
        ({**CLIENT, "client_secret": "curly \u201cquotes\u201d"}, {}, "ClientSecretInvalid", "client Secret"),
        (CLIENT, {"endpoint": "https://ims.example"}, "EndpointNotAllowed", "endpoint"),
    ],
    ids=["no key", "client id", "client secret", "odd characters", "endpoint"],
)
def test_what_is_wrong_with_a_credential_is_named(
    scene: Scene, data: Mapping[str, str], spec: Mapping[str, Any], reason: str, culprit: str
) -> None:
    scene.client_secret(data=data)
    scene.credential(**spec)
    ended = check(scene, scene.control_plane.kubeconfig, "lightroom")
    result = found(ended, "ims")
    assert (ended.code, result["reason"], result["culprit"]) == (NOT_WELL, reason, culprit), result
    for private in filter(None, (data.get("client_secret"), scene.ims.url and SAMPLE_CLIENT_SECRET)):
        assert private not in ended.out + ended.err
        assert base64.b64encode(private.encode()).decode() not in ended.out + ended.err


def test_without_the_operators_settings_it_is_not_the_endpoint_that_is_blamed(scene: Scene) -> None:
    scene.client_secret()
    scene.credential(endpoint=scene.ims.url)
    ended = check(scene, scene.control_plane.kubeconfig, "lightroom", run=None)
    result = found(ended, "ims")
    assert (ended.code, result["reason"], result["culprit"]) == (NOT_WELL, None, "flags of this check")
    assert "exec deploy/adobe-ims-operator" in result["message"]
    assert ended.document["settings"].startswith("the defaults of run, which need not be the operator's")
    assert scene.ims.requests().total == 0


def test_a_proxy_that_is_dead_is_named_where_a_client_is_tried(scene: Scene) -> None:
    scene.client_secret()
    scene.credential()
    (port,) = free_ports(1)
    proxy = f"http://127.0.0.1:{port}"
    variables = {"HTTPS_PROXY": proxy, "NO_PROXY": "", "no_proxy": ""}
    result = found(check(scene, scene.control_plane.kubeconfig, "lightroom", **variables), "ims")
    assert (result["reason"], result["culprit"]) == ("IMSUnavailable", "proxy")
    assert f"the proxy {proxy} of HTTPS_PROXY fails: connection refused" in result["message"]
    assert "seen from here" in result["message"], "a pod may have another proxy"


@pytest.mark.parametrize(
    ("run", "name", "culprit", "words"),
    [
        (("--namespace", "elsewhere"), "watched", "operator", "does not watch namespace"),
        (("--selector", "team=photos"), "watched", "operator", "only credentials with the labels team=photos"),
        (("--forbid", "label:team"), "spec", "spec", "may not write a Secret with label team"),
    ],
    ids=str,
)
def test_what_the_operator_does_not_do_by_its_flags_is_said(
    scene: Scene, run: Sequence[str], name: str, culprit: str, words: str
) -> None:
    scene.client_secret()
    scene.credential(secret={"labels": {"team": "video"}})
    result = found(check(scene, scene.control_plane.kubeconfig, "lightroom", run=run), name)
    assert (result["outcome"], result["culprit"]) == ("Failed", culprit)
    assert words in result["message"]
    watched = {"metadata": {"labels": {"team": "photos"}}}
    scene.patch("lightroom", {**watched, "spec": {"secret": {"labels": None}}})
    well = check(scene, scene.control_plane.kubeconfig, "lightroom", run=("--selector", "team=photos"))
    assert [each["check"] for each in well.document["checks"]] == ["ims"]


def test_a_scope_that_the_operator_refuses_is_named_and_ims_is_not_asked(scene: Scene) -> None:
    scene.client_secret()
    scene.credential(scopes=["openid", "manage_client_secrets"])
    kubeconfig = scene.control_plane.kubeconfig
    result = found(check(scene, kubeconfig, "lightroom"), "spec")
    assert (result["reason"], result["culprit"]) == ("ScopeNotAllowed", "spec")
    tried = ("--client-secret", "oauth", "--scope", "Read_Client_Secret")
    result = found(check(scene, kubeconfig, *tried), "ims")
    assert (result["reason"], result["culprit"]) == ("ScopeNotAllowed", "scopes")
    assert scene.ims.requests().total == 0
    allowed = check(scene, kubeconfig, "lightroom", run=("--allow-management-scopes",))
    assert (found(allowed, "ims")["outcome"], scene.ims.requests().total) == ("OK", 1)


def test_a_second_client_secret_is_tried_as_the_operator_would(scene: Scene) -> None:
    scene.client_secret(data={**CLIENT, "old": "p8e-old"})
    scene.credential(client={"secretRef": {"name": "oauth"}, "secretKeys": ["old", "client_secret"]})
    ended = check(scene, scene.control_plane.kubeconfig, "lightroom")
    result = found(ended, "ims")
    assert (ended.code, result["outcome"], result["culprit"]) == (0, "Warning", "client secret")
    assert "it refused those under old" in result["message"]


def test_a_secret_that_holds_a_token_is_not_sent(scene: Scene) -> None:
    scene.client_secret()
    operator = scene.operator()
    scene.credential()
    scene.wait_ready()
    assert operator.stop() == 0
    before = scene.ims.requests().total
    keys = {"idKey": "access_token", "secretKeys": ["access_token"]}
    scene.credential("thief", client={"secretRef": {"name": "lightroom"}, **keys})
    ended = check(scene, scene.control_plane.kubeconfig, "thief")
    assert (ended.code, found(ended, "spec")["reason"]) == (NOT_WELL, "ClientSecretNotAllowed")
    by_secret = ("--client-secret", "lightroom", "--id-key", "access_token", "--secret-key", "access_token")
    named = check(scene, scene.control_plane.kubeconfig, *by_secret)
    assert (named.code, found(named, "ims")["reason"]) == (NOT_WELL, "ClientSecretNotAllowed")
    assert scene.ims.requests().total == before


def test_a_client_secret_that_may_not_be_read_is_a_failed_check_that_names_rbac(scene: Scene, account: Path) -> None:
    scene.client_secret()
    scene.credential()
    allow(scene.api, scene.namespace, "secrets", ["list", "watch", "create", "patch", "delete"])

    def denied(*what: str) -> dict[str, Any]:
        ended = check(scene, account, *what)
        result = found(ended, "ims", "Secret oauth")
        assert (ended.code, result["reason"], result["culprit"]) == (NOT_WELL, "SecretReadRefused", "RBAC"), result
        return result

    result = wait_for("the denial", lambda: denied("--client-secret", "oauth"), timeout=30)
    assert "verb get on secrets" in result["message"]
    assert denied("lightroom")


def test_a_client_secret_that_can_not_be_read_for_now_is_a_failed_check_that_names_the_api_server(
    scene: Scene, tmp_path: Path
) -> None:
    scene.client_secret()
    with OddApi(scene.control_plane) as api:
        broken = Odd("500", b"{}", 500)
        api.choose = lambda request, _body: broken if request.path.endswith("/secrets/oauth") else None
        ended = check(
            scene, api.kubeconfig(scene.control_plane.kubeconfig, tmp_path / "kubeconfig"), "--client-secret", "oauth"
        )
    result = found(ended, "ims", "Secret oauth")
    assert (ended.code, result["reason"], result["culprit"]) == (NOT_WELL, "SecretReadFailed", "API server")

"""Where client secrets go: to allowed endpoints, over trusted TLS, through the proxy that is meant, nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from testbed.api import ApiError, wait_for
from testbed.proxy import Proxy
from testbed.scene import CLIENT, Scene
from testbed.stand_in import StandIn

ROTATE = "adobe-ims.dev/rotate"


@pytest.fixture
def other(scene: Scene) -> Iterator[StandIn]:
    """A second IMS, of the same authority: it is for no want of trust if it is not asked."""
    with StandIn(scene.ims.folder, warm=True) as stand_in:
        assert stand_in.ca == scene.ims.ca
        yield stand_in


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as a_proxy:
        yield a_proxy


def rotate(scene: Scene, value: str) -> None:
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE: value}}})


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


def named(url: str, host: str) -> str:
    """The same endpoint by another name of its host."""
    return url.replace("127.0.0.1", host)


def test_an_endpoint_that_is_not_allowed_gets_no_request_and_an_allowed_one_mends_it_at_once(
    scene: Scene, other: StandIn
) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(endpoint=other.url)
    condition = scene.wait_condition("RotationFailing", "True", "EndpointNotAllowed")
    assert other.url in condition["message"]
    assert f"({scene.ims.url})" in condition["message"], "the endpoints that are allowed"
    scene.wait_condition("RotationFailing", "True", "EndpointNotAllowed")
    scene.credential(endpoint=scene.ims.url)
    scene.wait_ready()
    assert (other.requests().total, scene.ims.requests().total) == (0, 1)


def test_a_token_stays_when_the_spec_names_an_endpoint_that_is_not_allowed(scene: Scene, other: StandIn) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    before = scene.secret()
    scene.credential(endpoint=other.url)
    scene.wait_condition("RotationFailing", "True", "EndpointNotAllowed")
    rotate(scene, "now")
    scene.client_secret(data={**CLIENT, "note": "changed"})
    scene.credential("last")
    scene.wait_ready("last")
    assert scene.secret() == before
    assert other.requests().total == 0


def test_what_looks_like_an_allowed_endpoint_is_none(scene: Scene, other: StandIn) -> None:
    ours, theirs = port_of(scene.ims.url), port_of(other.url)
    lookalikes = [
        f"http://127.0.0.1:{ours}",
        f"https://localhost:{ours}",
        f"https://127.0.0.1.nip.io:{ours}",
        f"https://127.0.0.1:{theirs}",
        "https://127.0.0.1",
        f"{scene.ims.url}/ims",
        f"{scene.ims.url}@127.0.0.1:{theirs}",
        f"https://127.0.0.1:{ours}#@127.0.0.1:{theirs}",
        f"{scene.ims.url}\\@127.0.0.1:{theirs}",
    ]
    scene.client_secret()
    scene.operator()
    applied = []
    for number, endpoint in enumerate(lookalikes):
        try:
            scene.credential(f"lookalike-{number}", endpoint=endpoint)
        except ApiError as error:
            assert "must be a scheme and a host" in error.message  # noqa: PT017 - what is applied is told apart below
        else:
            applied.append(f"lookalike-{number}")
    assert len(applied) == 5
    for name in applied:
        scene.wait_condition("RotationFailing", "True", "EndpointNotAllowed", name)
    assert (other.requests().total, scene.ims.requests().total) == (0, 0)


def test_the_first_endpoint_is_the_default_and_another_is_used_when_named(scene: Scene, other: StandIn) -> None:
    scene.client_secret()
    scene.operator("--endpoint", other.url, "--endpoint", scene.ims.url)
    scene.credential("of-the-default")
    scene.wait_ready("of-the-default")
    assert (other.requests().total, scene.ims.requests().total) == (1, 0)
    scene.credential("of-the-second", endpoint=scene.ims.url)
    scene.wait_ready("of-the-second")
    assert (other.requests().total, scene.ims.requests().total) == (1, 1)
    assert scene.ims.issued(scene.data("of-the-second")["access_token"])


def test_upper_case_and_a_slash_make_no_other_endpoint(scene: Scene) -> None:
    shouted = named(scene.ims.url, "LOCALHOST")
    scene.client_secret()
    scene.operator("--endpoint", shouted.replace("https", "HTTPS") + "/")
    for name, spec in (("unnamed", {}), ("lower", {"endpoint": shouted.lower()}), ("upper", {"endpoint": shouted})):
        scene.credential(name, **spec)
        scene.wait_ready(name)
    assert scene.ims.requests().by_answer == {"token": 3}


def test_the_default_port_makes_no_other_endpoint(scene: Scene) -> None:
    with StandIn(scene.ims.folder, arguments=["--tls-name=ims.example"], warm=True) as ims:
        assert httpx.URL(ims.url).host == "127.0.0.1"
        with Proxy({"ims.example:443": ("127.0.0.1", port_of(ims.url))}) as proxy:
            scene.client_secret()
            scene.operator("--endpoint", "https://IMS.example:443", environment=proxy.environment())
            for name, endpoint in (("without", "https://ims.example"), ("with", "https://ims.example:443")):
                scene.credential(name, endpoint=endpoint)
                scene.wait_ready(name)
            assert ims.requests().by_answer == {"token": 2}
            assert set(proxy.targets) == {"ims.example:443"}


def test_http_is_refused_without_its_flag_and_works_with_it(scene: Scene, tmp_path: Path) -> None:
    with StandIn(tmp_path / "http", http=True, warm=True) as ims:
        refused = scene.operator("--endpoint", ims.url)
        assert refused.process.wait(20) == 2
        assert "--allow-http-endpoint" in refused.text()
        scene.client_secret()
        scene.operator("--endpoint", ims.url, "--allow-http-endpoint")
        scene.credential()
        scene.wait_ready()
        assert ims.requests().by_answer == {"token": 1}


def test_the_flag_for_http_puts_no_endpoint_on_the_list(scene: Scene, tmp_path: Path) -> None:
    with StandIn(tmp_path / "http", http=True, warm=True) as ims:
        scene.client_secret()
        scene.operator("--allow-http-endpoint")
        scene.credential(endpoint=ims.url)
        scene.wait_condition("RotationFailing", "True", "EndpointNotAllowed")
        assert ims.requests().total == 0


def test_a_certificate_of_an_unknown_authority_is_not_trusted_and_the_message_says_what_to_do(
    scene: Scene,
) -> None:
    scene.client_secret()
    scene.operator(trusting=False)
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    assert "certificate" in condition["message"]
    assert "--ims-ca-file" in condition["message"]
    scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    assert scene.ims.requests().total == 0


def test_an_authority_that_ssl_cert_file_names_is_trusted(scene: Scene) -> None:
    scene.client_secret()
    scene.operator(environment={"SSL_CERT_FILE": str(scene.ims.ca)}, trusting=False)
    scene.credential()
    scene.wait_ready()


def test_a_certificate_for_another_name_is_not_trusted(scene: Scene) -> None:
    with StandIn(scene.ims.folder, arguments=["--tls-name=ims.example"], warm=True) as ims:
        scene.client_secret()
        scene.operator("--endpoint", ims.url)
        scene.credential()
        condition = scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
        assert "certificate" in condition["message"]
        assert ims.requests().total == 0


def test_a_proxy_passes_token_requests_on_and_sees_no_more_than_host_and_port(scene: Scene, proxy: Proxy) -> None:
    target = f"127.0.0.1:{port_of(scene.ims.url)}"
    scene.client_secret()
    scene.operator(environment=proxy.environment())
    scene.credential()
    scene.wait_ready()
    # The API server, on another port, was asked directly.
    assert set(proxy.targets) == {target}
    for head in proxy.heads:
        request_line, *headers = head.split("\r\n")[:-2]
        assert request_line == f"CONNECT {target} HTTP/1.1"
        assert f"Host: {target}" in headers
        assert {header.partition(":")[0].lower() for header in headers} <= {"host", "accept", "user-agent"}
    assert len(proxy.passed) > 300
    for private in (*CLIENT.values(), "client_credentials", "/ims/token", "adobe-ims-operator"):
        assert private.encode() not in proxy.passed


def test_no_proxy_has_the_endpoint_asked_directly(scene: Scene, proxy: Proxy) -> None:
    scene.client_secret()
    scene.operator(environment=proxy.environment(no_proxy="127.0.0.1"))
    scene.credential()
    scene.wait_ready()
    assert proxy.targets == []


def test_entries_of_no_proxy_that_mean_no_endpoint_stop_nothing(scene: Scene, proxy: Proxy) -> None:
    """OpenShift and dual-stack clusters set such values for all pods."""
    scene.client_secret()
    entries = "[::1],::1,fd00:10:96::/112,fe80::/10,[::1,10.0.0.0/8,10.0.0.0/99,.svc,.cluster.local"
    scene.operator(environment=proxy.environment(no_proxy=entries))
    scene.credential()
    scene.wait_ready()
    assert set(proxy.targets) == {f"127.0.0.1:{port_of(scene.ims.url)}"}
    assert "10.0.0.0/99" in scene.log.read_text(), "what means nothing is told"


@pytest.mark.parametrize("entry", ["127.0.0.0/8", "127.0.0.1:PORT", "127.0.0.1 localhost", "https://127.0.0.1"])
def test_no_proxy_may_be_a_network_or_have_a_port(scene: Scene, proxy: Proxy, entry: str) -> None:
    scene.client_secret()
    no_proxy = entry.replace("PORT", str(port_of(scene.ims.url)))
    scene.operator(environment=proxy.environment(no_proxy=f"[::1],{no_proxy}"))
    scene.credential()
    scene.wait_ready()
    assert proxy.targets == []


@pytest.mark.parametrize("trouble", ["refuses with 407", "refuses with 502", "is down"])
def test_a_proxy_in_trouble_fails_rotations_until_it_works_again(scene: Scene, proxy: Proxy, trouble: str) -> None:
    def begin() -> None:
        if trouble == "is down":
            proxy.stop()
        else:
            proxy.refuse_with = int(trouble.removeprefix("refuses with "))

    def end() -> None:
        proxy.refuse_with = None
        if trouble == "is down":
            proxy.start()

    begin()
    scene.client_secret()
    scene.operator(environment=proxy.environment())
    scene.credential()
    condition = scene.wait_condition("RotationFailing", "True", "IMSUnavailable")
    assert f"the proxy {proxy.url} of https_proxy fails: " in condition["message"]
    assert scene.ims.requests().total == 0
    end()
    if trouble != "is down":
        rotate(scene, "now")  # one that goes on by itself is enough to wait for
    scene.wait_ready()
    assert scene.ims.requests().total == 1
    assert scene.condition("RotationFailing")["status"] == "False"
    assert scene.status()["failures"] == 0


def test_a_redirect_is_not_followed_even_to_an_allowed_endpoint(scene: Scene, other: StandIn) -> None:
    scene.client_secret()
    scene.operator("--endpoint", scene.ims.url, "--endpoint", other.url)
    for count, status in enumerate((301, 302, 303, 307, 308), start=1):
        scene.rules({"behaviour": "redirect", "location": f"{other.url}/ims/token/v3", "status": status})
        if count == 1:
            scene.credential()
        else:
            rotate(scene, str(status))

        def told(status: int = status) -> bool:
            condition = scene.condition("RotationFailing")
            assert condition.get("reason") == "IMSResponseInvalid", condition
            return f"HTTP {status}" in condition["message"]

        wait_for(f"a redirect by {status} to be told", told)
        assert scene.ims.requests().total == count
    assert other.requests().total == 0

"""The stand-in answers as IMS.md says IMS does, in every way, over a real connection."""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

import adobe_ims_stand_in
from adobe_ims_stand_in.__main__ import main
from adobe_ims_stand_in.behaviours import BEHAVIOURS
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from support.stand_in import SAMPLE, StandIn

GOOD = {
    "grant_type": "client_credentials",
    "client_id": SAMPLE_CLIENT_ID,
    "client_secret": SAMPLE_CLIENT_SECRET,
    "scope": "openid,AdobeID,read_organizations",
}
LIFETIMES: list[object] = [0, -1, 86399.5, "86399", 86399000, None, True, [], {"seconds": 1}]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(adobe_ims_stand_in.__file__).parents[1])}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("stand-in")) as stand_in:
        yield stand_in


@pytest.fixture
def ims(server: StandIn) -> Iterator[StandIn]:
    yield server
    server.clear_rules()
    server.settings(expires_in=86399, latency=0)
    server.clients(SAMPLE)
    server.reset()


@pytest.fixture
def client(ims: StandIn) -> Iterator[httpx.Client]:
    with connected(ims) as http:
        yield http


def connected(stand_in: StandIn) -> httpx.Client:
    verify = ssl.create_default_context(cafile=stand_in.ca) if stand_in.ca else True
    return httpx.Client(base_url=stand_in.url, verify=verify, trust_env=False, timeout=5)


def ask(client: httpx.Client, **changes: str) -> httpx.Response:
    return client.post("/ims/token/v3", data={**GOOD, **changes})


def send_raw(stand_in: StandIn, content: bytes) -> None:
    url = httpx.URL(stand_in.url)
    trusted = ssl.create_default_context(cafile=stand_in.ca)
    with (
        socket.create_connection((url.host, url.port or 0)) as connection,
        trusted.wrap_socket(connection, server_hostname=url.host) as secured,
    ):
        secured.sendall(content)
        assert secured.recv(100).startswith(b"HTTP/1.0 400")


def rule(behaviour: str, **fields: object) -> dict[str, object]:
    return {"behaviour": behaviour, **fields}


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


@contextmanager
def running(*flags: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "adobe_ims_stand_in", "run", *flags]
    environment = {**ENVIRONMENT, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


# As IMS usually answers


def test_a_good_request_is_given_a_bearer_token_and_its_lifetime_in_seconds(
    ims: StandIn, client: httpx.Client
) -> None:
    response = ask(client)
    assert response.status_code == 200
    answer = response.json()
    assert sorted(answer) == ["access_token", "expires_in", "token_type"]
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 86399)
    assert 1000 <= len(answer["access_token"]) <= 2000
    assert ims.issued(answer["access_token"])
    assert not ims.issued("another")


def test_the_claims_are_those_of_ims_in_milliseconds_as_strings(client: httpx.Client) -> None:
    claims = claims_of(ask(client).json()["access_token"])
    assert claims["type"] == "access_token"
    assert claims["client_id"] == SAMPLE_CLIENT_ID
    assert claims["user_id"].endswith("@techacct.adobe.com")
    assert claims["as"] == "ims-na1"
    assert claims["scope"] == GOOD["scope"]
    assert claims["expires_in"] == "86399000"
    assert abs(int(claims["created_at"]) / 1000 - time.time()) < 60


def test_no_two_tokens_are_the_same(client: httpx.Client) -> None:
    assert len({ask(client).json()["access_token"] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type", "grant_type"),
        ({"grant_type": ""}, "invalid_request", "missing grant_type parameter"),
        ({"client_id": ""}, "invalid_request", "missing client_id parameter"),
        ({"client_secret": ""}, "invalid_request", "missing client_secret parameter"),
        ({"scope": ""}, "invalid_request", "missing scope parameter"),
        ({"client_id": "f" * 32}, "invalid_client", "invalid client_id parameter"),
        ({"client_secret": "p8e-wrong"}, "invalid_client", "invalid client_secret parameter"),
        ({"scope": "openid,no_such_scope"}, "invalid_scope", "no_such_scope"),
        ({"scope": "openid AdobeID"}, "invalid_scope", "openid AdobeID"),
        ({"scope": ","}, "invalid_scope", "invalid_scope"),
    ],
)
def test_a_bad_request_is_refused_in_the_form_of_oauth(
    ims: StandIn, client: httpx.Client, changes: dict[str, str], error: str, description: str
) -> None:
    response = ask(client, **changes)
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert description in response.json()["error_description"]
    assert ims.requests().by_answer == {error: 1}


def test_a_body_that_is_not_a_form_has_no_parameters(client: httpx.Client) -> None:
    assert client.post("/ims/token/v3", json=GOOD).json()["error"] == "invalid_request"


def test_spaces_beside_the_commas_of_a_scope_do_no_harm(client: httpx.Client) -> None:
    assert ask(client, scope="openid, AdobeID").status_code == 200


def test_both_secrets_of_a_client_are_good_while_it_has_two(ims: StandIn, client: httpx.Client) -> None:
    ims.clients([("one", "old"), ("one", "new"), ("two", "other")])
    statuses = [
        ask(client, client_id="one", client_secret=secret).status_code for secret in ("old", "new", "other")
    ]
    assert statuses == [200, 200, 400]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ims/token/v3", 405),
        ("POST", "/ims/token/v2", 404),
        ("GET", "/", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_other_paths_and_methods_are_a_web_servers(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    assert client.request(method, path).status_code == status


def test_lifetime_and_latency_change_while_it_runs(ims: StandIn, client: httpx.Client) -> None:
    ims.settings(expires_in=60, latency=0.2)
    start = time.monotonic()
    answer = ask(client).json()
    assert time.monotonic() - start >= 0.2
    assert answer["expires_in"] == 60
    assert claims_of(answer["access_token"])["expires_in"] == "60000"


# As IMS, or what stands in its place, misbehaves


@pytest.mark.parametrize(
    ("given", "status", "content_type", "text"),
    [
        (rule("error"), 400, "application/json", "invalid client_secret parameter"),
        (
            rule("error", status=403, error="access_denied", description="no"),
            403,
            "application/json",
            "access_denied",
        ),
        (
            rule("error", status=502, body="html", description="Bad gateway"),
            502,
            "text/html",
            "<h1>Bad gateway</h1>",
        ),
        (rule("error", status=418, body="text", description="teapot"), 418, "text/plain", "teapot"),
        (rule("error", status=500, body="empty"), 500, "text/plain", ""),
        (rule("server_error"), 503, "text/html", "Unavailable"),
        (rule("server_error", status=500), 500, "text/html", "Unavailable"),
        (rule("rate_limited"), 429, "text/plain", "Too many requests"),
        (rule("not_json"), 200, "text/html", "<!DOCTYPE html>"),
        (rule("not_object"), 200, "application/json", "["),
        (rule("redirect", location="https://elsewhere.example/"), 302, "application/json", ""),
    ],
)
def test_an_answer_in_place_of_a_token_issues_none(
    ims: StandIn, client: httpx.Client, given: dict[str, object], status: int, content_type: str, text: str
) -> None:
    ims.rules([given])
    response = ask(client)
    assert response.status_code == status
    assert response.headers["content-type"].startswith(content_type)
    assert text in response.text
    assert ims.requests().issued == 0


def test_retry_after_comes_in_seconds_as_a_date_or_not_at_all(ims: StandIn, client: httpx.Client) -> None:
    ims.rules(
        [
            rule("rate_limited", retry_after=7, times=1),
            rule("rate_limited", retry_after=60, form="date", times=1),
            rule("rate_limited", times=1),
        ]
    )
    seconds, date, none = (ask(client).headers.get("retry-after") for _ in range(3))
    assert seconds == "7"
    assert 50 < parsedate_to_datetime(date or "").timestamp() - time.time() <= 60
    assert none is None


def test_a_redirect_says_where_to(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("redirect", location="https://elsewhere.example/", status=307)])
    response = ask(client)
    assert (response.status_code, response.headers["location"]) == (307, "https://elsewhere.example/")


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        (rule("empty_token"), "access_token", ""),
        (rule("wrong_token_type"), "token_type", "mac"),
        (rule("wrong_token_type", token_type="basic"), "token_type", "basic"),
        (rule("bearer_case"), "token_type", "Bearer"),
        *[(rule("expires_in", value=value), "expires_in", value) for value in LIFETIMES],
    ],
)
def test_a_good_answer_is_changed_in_one_field(
    ims: StandIn, client: httpx.Client, given: dict[str, object], field: str, value: object
) -> None:
    ims.rules([given])
    answer = ask(client).json()
    assert sorted(answer) == ["access_token", "expires_in", "token_type"]
    assert answer[field] == value
    assert ims.requests().by_answer == {given["behaviour"]: 1}


@pytest.mark.parametrize(("behaviour", "field"), [("no_token", "access_token"), ("expires_in", "expires_in")])
def test_a_good_answer_lacks_a_field(ims: StandIn, client: httpx.Client, behaviour: str, field: str) -> None:
    ims.rules([rule(behaviour)])
    response = ask(client)
    assert response.status_code == 200
    assert field not in response.json()


def test_an_opaque_token_is_no_jwt_and_still_issued(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("opaque_token")])
    token = ask(client).json()["access_token"]
    assert "." not in token
    assert ims.issued(token)


def test_a_changed_answer_leaves_refusals_alone(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("no_token")])
    assert ask(client, client_secret="wrong").json()["error"] == "invalid_client"


def test_a_slow_answer_is_the_usual_one_later(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("slow", seconds=0.2)])
    start = time.monotonic()
    assert ask(client).status_code == 200
    assert time.monotonic() - start >= 0.2
    assert ims.requests().by_answer == {"token": 1}


def test_rules_work_together_where_one_asks_for_the_usual_answer(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("slow", seconds=0.2), rule("set_cookie"), rule("server_error")])
    start = time.monotonic()
    response = ask(client)
    assert time.monotonic() - start >= 0.2
    assert (response.status_code, "set-cookie" in response.headers) == (503, True)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("hang", httpx.ReadTimeout),
        ("truncated", httpx.RemoteProtocolError),
        ("reset", httpx.TransportError),  # under TLS, Python's ssl tells RST and end of file not apart
    ],
)
def test_no_whole_answer_arrives(
    ims: StandIn, client: httpx.Client, behaviour: str, error: type[httpx.HTTPError]
) -> None:
    ims.rules([rule(behaviour)])
    client.timeout = httpx.Timeout(0.5)
    with pytest.raises(error):
        ask(client)
    assert ims.requests().by_answer == {behaviour: 1}


def test_a_reset_connection_ends_with_rst(tmp_path: Path) -> None:
    with StandIn(tmp_path, http=True) as stand_in, connected(stand_in) as client:
        stand_in.rules([rule("reset")])
        with pytest.raises(httpx.ReadError, match="reset by peer"):
            ask(client)


@pytest.mark.parametrize("packed", [False, True])
def test_an_oversized_answer_is_as_large_as_asked_for(
    ims: StandIn, client: httpx.Client, packed: bool
) -> None:
    ims.rules([rule("oversized", mebibytes=2, gzip=packed)])
    response = ask(client)
    assert len(response.json()["access_token"]) == 2 << 20
    on_the_wire = int(response.headers["content-length"])
    assert on_the_wire < 10_000 if packed else on_the_wire > 2 << 20


def test_a_client_that_sends_the_cookie_back_is_counted(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("set_cookie")])
    ask(client)
    assert ims.requests().with_cookie == 0
    ask(client)
    assert ims.requests().with_cookie == 1


def test_every_behaviour_is_tested_here() -> None:
    source = Path(__file__).read_text()
    assert [name for name in BEHAVIOURS if f'"{name}"' not in source] == []


# For whom and how often


def test_a_rule_holds_for_as_many_requests_as_it_says(ims: StandIn, client: httpx.Client) -> None:
    ims.rules([rule("server_error", times=2), rule("rate_limited", times=1)])
    assert [ask(client).status_code for _ in range(4)] == [503, 503, 429, 200]


def test_a_rule_for_one_client_leaves_others_alone(ims: StandIn, client: httpx.Client) -> None:
    ims.clients({"a": "secret-of-a", "b": "secret-of-b"})
    ims.rules([rule("server_error", client_id="a")])
    assert ask(client, client_id="a", client_secret="secret-of-a").status_code == 503
    assert ask(client, client_id="b", client_secret="secret-of-b").status_code == 200
    assert ims.requests().by_client == {"a": 1, "b": 1}


def test_a_fraction_of_requests_is_drawn_the_same_each_time(ims: StandIn, client: httpx.Client) -> None:
    draws = []
    for _ in range(2):
        ims.rules([rule("server_error", fraction=0.5)])
        draws.append([ask(client).status_code for _ in range(40)])
    assert draws[0] == draws[1]
    assert 10 < draws[0].count(503) < 30


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "behaviour"),
        (rule("explode"), "no behaviour 'explode'; there are: error, rate_limited"),
        (rule("slow"), "slow: seconds is missing"),
        (rule("slow", seconds="1"), "slow: seconds must be a number, not '1'"),
        (rule("slow", seconds=True), "slow: seconds must be a number, not True"),
        (rule("slow", second=1), "slow: no field 'second'; there are: seconds"),
        (rule("hang", seconds=1), "hang: no field 'seconds'; there are: none"),
        (rule("rate_limited", retry_after="1"), "retry_after must be a whole number or null"),
        (rule("rate_limited", form="words"), "form must be one of seconds, date"),
        (rule("oversized", mebibytes=0), "mebibytes must be from 1 to 1024"),
        (rule("reset", fraction=2), "fraction must be from 0 to 1"),
        (rule("reset", times=-1), "times must not be negative"),
    ],
)
def test_a_mistake_in_a_rule_is_refused_with_what_would_be_right(
    ims: StandIn, given: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=r"PUT /rules") as refusal:
        ims.rules([given])
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/rules", "{}", "the rules are a JSON list"),
        ("/rules", "[", "not JSON"),
        ("/settings", '{"lifetime": 1}', "there are: expires_in, latency, invalid_client_status"),
        ("/settings", "[]", "the settings are a JSON object"),
        ("/settings", '{"invalid_client_status": 403}', "one of 400, 401"),
        ("/clients", '{"id": "secret-in-no-list"}', "a JSON object of lists"),
        ("/clients", "[]", "a JSON object of lists"),
    ],
)
def test_the_control_api_refuses_what_it_does_not_know(
    ims: StandIn, path: str, body: str, message: str
) -> None:
    response = httpx.put(ims.control + path, content=body, trust_env=False)
    assert response.status_code == 400
    assert message in response.json()["error"]
    assert "secret-in-no-list" not in response.text


# What it remembers


def test_requests_are_counted_by_client_and_by_answer_until_the_reset(
    ims: StandIn, client: httpx.Client
) -> None:
    ask(client)
    ask(client, client_secret="wrong")
    ask(client, client_id="someone", scope="openid")
    seen = ims.requests()
    assert (seen.total, seen.issued, seen.in_query) == (3, 1, 0)
    assert seen.by_client == {SAMPLE_CLIENT_ID: 2, "someone": 1}
    assert seen.by_answer == {"token": 1, "invalid_client": 2}
    assert [entry.scopes for entry in ims.requests(log=1).log] == [("openid",)]
    assert abs(seen.log[0].time - time.time()) < 60
    assert {entry.http_version for entry in seen.log} == {"1.1"}
    ims.reset()
    assert ims.requests().total == 0
    assert ims.requests(log=0).log == ()


def test_a_secret_in_the_query_is_accepted_and_counted(ims: StandIn, client: httpx.Client) -> None:
    assert client.post("/ims/token/v3", params=GOOD).status_code == 200
    assert client.post("/ims/token/v3", params={"client_id": SAMPLE_CLIENT_ID}).status_code == 400
    assert ims.requests().in_query == 1


def test_requests_on_a_kept_alive_connection_have_the_same_connection(
    ims: StandIn, client: httpx.Client
) -> None:
    ask(client)
    ask(client)
    with connected(ims) as other:
        ask(other)
    first, second, third = (entry.connection for entry in ims.requests().log)
    assert first == second != third


def test_the_log_tells_of_each_request_and_never_a_secret_or_a_token(
    ims: StandIn, client: httpx.Client
) -> None:
    token = ask(client).json()["access_token"]
    ask(client, client_secret="p8e-wrong-secret")
    client.post("/ims/token/v3", params={**GOOD, "client_secret": "p8e-in-the-query"})
    client.post(
        "/ims/token/v3", content=b"client_secret=p8e-not-utf8\xff", headers={"content-type": "text/plain"}
    )
    send_raw(ims, b"POST /ims/token/v3?client_secret=p8e-malformed HTTP/one\r\n\r\n")
    ask(client, client_id="line\nbreak")
    ims.rules([rule("truncated")])
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    log = ims.log_file.read_text()
    assert f"client_id='{SAMPLE_CLIENT_ID}' scopes='{GOOD['scope']}' answer=token\n" in log
    assert "answer=invalid_client\n" in log
    assert "line\\nbreak" in log
    assert "p8e-" not in log
    assert token not in log
    assert "Traceback" not in log
    assert token not in httpx.get(f"{ims.control}/tokens", trust_env=False).text


# The process


def test_restart_keeps_ports_authority_clients_and_what_was_issued(tmp_path: Path) -> None:
    with StandIn(tmp_path, clients={"a": "first"}) as stand_in:
        stand_in.clients({"a": "second"})
        stand_in.settings(expires_in=60)
        before = stand_in.url, stand_in.control
        with connected(stand_in) as client:
            token = ask(client, client_id="a", client_secret="second").json()["access_token"]
            stand_in.stop()
            with pytest.raises(httpx.TransportError):
                ask(client)
            stand_in.start()
            answer = ask(client, client_id="a", client_secret="second").json()
        assert (stand_in.url, stand_in.control) == before
        assert answer["expires_in"] == 60
        assert stand_in.issued(token)
        assert stand_in.issued(answer["access_token"])


def test_private_files_are_the_owners_only(server: StandIn) -> None:
    assert server.ca is not None
    modes = {path.name: path.stat().st_mode & 0o777 for path in server.ca.parent.glob("*.*")}
    assert {modes[name] for name in ("ca.key", "tls.key", "tls.crt")} == {0o600}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_with_a_client_hanging(number: signal.Signals) -> None:
    with running("--port=0", "--control-port=0", "--http") as (process, said):
        assert said["ca"] is None
        httpx.put(f"{said['control']}/rules", json=[rule("hang")], trust_env=False)
        with httpx.Client(trust_env=False, timeout=0.2) as client, pytest.raises(httpx.ReadTimeout):
            client.post(f"{said['url']}/ims/token/v3", data=GOOD)
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=5) == 0
        assert time.monotonic() - start < 2


def test_a_certificate_of_ones_own_is_served(server: StandIn) -> None:
    assert server.ca is not None
    folder = server.ca.parent
    trusted = ssl.create_default_context(cafile=server.ca)
    with running("--port=0", f"--tls-cert={folder}/tls.crt", f"--tls-key={folder}/tls.key") as (_, said):
        assert (said["ca"], said["control"]) == (None, None)
        with httpx.Client(verify=trusted, trust_env=False) as client:
            assert client.get(f"{said['url']}/healthz").status_code == 200


def test_flags_come_from_the_environment_too(tmp_path: Path) -> None:
    environment = {
        "ADOBE_IMS_STAND_IN_HOST": "0.0.0.0",  # noqa: S104 # to see what is printed for it
        "ADOBE_IMS_STAND_IN_PORT": "0",
        "ADOBE_IMS_STAND_IN_CONTROL_PORT": "0",
        "ADOBE_IMS_STAND_IN_TLS_NAME": "ims.example other.example",
        "ADOBE_IMS_STAND_IN_TLS_DIR": str(tmp_path),
        "ADOBE_IMS_STAND_IN_CLIENT": "one=first one=second",
        "ADOBE_IMS_STAND_IN_INVALID_CLIENT_STATUS": "401",
    }
    with running(**environment) as (_, said):
        url = httpx.URL(said["url"])
        assert url.host == "ims.example"
        trusted = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        with httpx.Client(
            base_url=url.copy_with(host="127.0.0.1"), verify=trusted, trust_env=False
        ) as client:
            extensions = {"sni_hostname": "other.example"}
            statuses = [
                client.post(
                    "/ims/token/v3",
                    data={**GOOD, "client_id": "one", "client_secret": secret},
                    extensions=extensions,
                ).status_code
                for secret in ("first", "second", "third")
            ]
    assert statuses == [200, 200, 401]


def test_the_port_that_kubernetes_sets_for_a_service_of_the_same_name_is_ignored() -> None:
    environment = {"ADOBE_IMS_STAND_IN_PORT": "tcp://10.0.0.1:8443"}
    result = CliRunner().invoke(main, ["run", "--tls-key", __file__], env=environment)
    assert "--tls-cert and --tls-key go together" in result.output


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--client", "only-an-id"], "write ID=SECRET"),
        (["--client", "=p8e-only-a-secret"], "write ID=SECRET"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--expires-in", "0"], "0 is not in the range"),
        (["--latency", "-1"], "-1.0 is not in the range"),
        (["--tls-cert", __file__], "--tls-cert and --tls-key go together"),
        (["--tls-cert", "no-such-file", "--tls-key", __file__], "'no-such-file' does not exist"),
        (
            ["--tls-cert", __file__, "--tls-key", __file__, "--tls-name", "a"],
            "leave out --tls-dir and --tls-name",
        ),
        (["--tls-cert", __file__, "--tls-key", __file__], "cannot use"),
        (["--http", "--tls-name", "a"], "--http is without TLS"),
        (["--tls-name", "not a name"], "cannot issue a certificate"),
    ],
)
def test_bad_flags_are_told_in_a_sentence(flags: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["run", *flags])
    assert result.exit_code != 0
    assert message in result.output
    assert "p8e-" not in result.output


def test_a_port_in_use_is_told_in_a_sentence(server: StandIn, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"cannot start: .*in use"),
        StandIn(tmp_path, port=httpx.URL(server.url).port or 0),
    ):
        pass


def test_an_authority_of_someone_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("theirs")
    result = CliRunner().invoke(main, ["run", "--tls-dir", str(tmp_path)])
    assert "ca.crt is there without its ca.key" in result.output
    assert (tmp_path / "ca.crt").read_text() == "theirs"


def test_without_the_extra_the_command_says_what_to_install() -> None:
    run = "from adobe_ims_stand_in.__main__ import main; main(['run'])"
    script = f"import sys; sys.modules['aiohttp'] = None; {run}"
    ended = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == "Error: aiohttp is not installed: pip install 'adobe-ims-operator[stand-in]'\n"

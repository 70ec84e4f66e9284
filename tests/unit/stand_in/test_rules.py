"""A rule says for whom and how often; the control API refuses what it does not know."""

import httpx
import pytest

from testbed.stand_in import StandIn
from unit.stand_in.asking import ask, rule


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
def test_the_control_api_refuses_what_it_does_not_know(ims: StandIn, path: str, body: str, message: str) -> None:
    response = httpx.put(ims.control + path, content=body, trust_env=False)
    assert response.status_code == 400
    assert message in response.json()["error"]
    assert "secret-in-no-list" not in response.text

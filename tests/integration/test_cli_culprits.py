"""`check --client-secret` asks IMS once, and names the culprit of each way in which IMS can misbehave."""

from collections.abc import Iterator, Mapping

import pytest

from adobe_ims_stand_in.behaviours import BEHAVIOURS
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.command import command
from testbed.api import Api
from testbed.control_plane import ControlPlane
from testbed.scene import Scene
from testbed.stand_in import StandIn

NOT_WELL = 3
Rule = Mapping[str, object]
ACCEPTED: tuple[str | None, str | None] = (None, None)
INVALID = ("IMSResponseInvalid", "what answers at the endpoint")
UNREACHABLE = ("IMSUnavailable", "network")

VERDICTS: dict[str, list[tuple[Rule, tuple[str | None, str | None]]]] = {
    "error": [
        ({"description": "invalid client_secret parameter"}, ("InvalidClient", "client secret")),
        ({"description": "invalid client_id parameter"}, ("InvalidClient", "client id")),
        ({"description": "no"}, ("InvalidClient", "client id or client secret")),
        ({"error": "invalid_scope"}, ("InvalidScope", "scopes")),
        ({"error": "unauthorized_client"}, ("CredentialNotPermitted", "credential in the Adobe Developer Console")),
        ({"error": "odd"}, INVALID),
        ({"body": "html"}, INVALID),
        ({"status": 503, "body": "empty"}, ("IMSUnavailable", "IMS")),
    ],
    "rate_limited": [({"retry_after": 7}, ("IMSRateLimited", "throttling by IMS"))],
    "server_error": [({}, ("IMSUnavailable", "IMS"))],
    "slow": [({"seconds": 0.2}, ACCEPTED), ({"seconds": 60}, UNREACHABLE)],
    "hang": [({}, UNREACHABLE)],
    "truncated": [({}, UNREACHABLE)],
    "reset": [({}, UNREACHABLE)],
    "not_json": [({}, INVALID)],
    "not_object": [({}, INVALID)],
    "no_token": [({}, INVALID)],
    "empty_token": [({}, INVALID)],
    "wrong_token_type": [({}, INVALID)],
    "bearer_case": [({}, ACCEPTED)],
    "no_token_type": [({}, ACCEPTED)],
    "expires_in": [({}, INVALID), ({"value": 86399000}, INVALID), ({"value": "3600"}, ACCEPTED)],
    "opaque_token": [({}, ACCEPTED)],
    "redirect": [({"location": "https://elsewhere.example"}, INVALID)],
    "oversized": [({"mebibytes": 1}, INVALID)],
    "clock": [({"ahead": 90000}, ("ClockSkewed", "clock")), ({"ahead": 5}, ACCEPTED)],
    "debug_id": [({"value": "12345678"}, ACCEPTED)],
    "set_cookie": [({}, ACCEPTED)],
}
"""Each way of the stand-in to misbehave, with the reason and the culprit that `check` names."""
CASES = [(name, rule, verdict) for name, cases in VERDICTS.items() for rule, verdict in cases]


@pytest.fixture(scope="module")
def place(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One scene for all cases, as none of them changes it."""
    folder = tmp_path_factory.mktemp("culprits")
    with Api.from_kubeconfig(control_plane.kubeconfig) as api, StandIn(folder, warm=True) as ims:
        scene = Scene(control_plane, api, ims, folder)
        scene.client_secret()
        yield scene
        scene.close()


def test_there_is_a_verdict_for_each_misbehaviour() -> None:
    assert VERDICTS.keys() == BEHAVIOURS.keys()


@pytest.mark.parametrize(("behaviour", "rule", "verdict"), CASES, ids=str)
def test_the_culprit_is_named(place: Scene, behaviour: str, rule: Rule, verdict: tuple[str | None, str | None]) -> None:
    place.ims.reset()
    place.rules({"behaviour": behaviour, **rule})
    where = ("-n", place.namespace, "-o", "json", "--", "--endpoint", place.ims.url, "--ims-ca-file", str(place.ims.ca))
    kubeconfig = place.control_plane.kubeconfig
    ended = command(kubeconfig, "check", "--client-secret", "oauth", "--timeout", "2s", *where)
    (result,) = ended.document["checks"]
    assert (result["reason"], result["culprit"]) == verdict, result
    assert ended.code == (0 if verdict == ACCEPTED else NOT_WELL)
    assert place.ims.requests().total == 1
    assert SAMPLE_CLIENT_SECRET not in ended.out + ended.err

"""What was stored before the CRD had its rules costs nobody else anything, and its status says what is wrong."""

from collections.abc import Iterator

import pytest

from adobe_ims_operator.api.resource import PLURAL
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.crds import without_rules
from testbed import read_yaml
from testbed.api import Api, wait_for
from testbed.cluster import CRDS
from testbed.scene import CLIENT, Scene

CRD = read_yaml.load((CRDS / f"{PLURAL}.yaml").read_text())
HUGE = {f"k{number}": "$(access_token)" * 1092 for number in range(32)}


@pytest.fixture
def stored(api: Api, scene: Scene) -> Iterator[None]:
    """Credentials that the rules refuse, as an earlier CRD took them."""
    try:
        api.apply(without_rules(CRD))
        wait_for("the rules to be gone", lambda: scene.credential("huge", secret={"data": HUGE}))
        scene.credential("escaped", secret={"data": {"a": "$$(access_token)"}})
        scene.credential("astray", restart=[{"kind": "Deployment", "name": "../../other/deployments/web"}])
        yield
    finally:
        api.apply(CRD)


@pytest.mark.usefixtures("stored")
def test_what_the_rules_refuse_costs_no_token_and_holds_up_nobody(api: Api, scene: Scene) -> None:
    api.apply(CRD)
    scene.client_secret()
    scene.operator()
    scene.credential("plain")
    condition = scene.wait_condition("RotationFailing", "True", "SecretTooLarge", "huge")
    assert f"{32 * 1092 * 8192} bytes" in condition["message"]
    assert scene.condition("RotationFailing", "huge")["status"] == "True"
    scene.wait_condition("RotationFailing", "True", "TemplateInvalid", "escaped")
    assert (
        "restart.0.name: must be a name"
        in scene.wait_condition("RotationFailing", "True", "SpecInvalid", "astray")["message"]
    )
    scene.wait_ready("plain")
    assert scene.ims.requests().total == 1
    assert [scene.secret(name) for name in ("huge", "escaped", "astray")] == [None] * 3


def test_a_long_rotate_request_is_answered_once(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "x" * 200_000}}})
    scene.wait_rotations(2)
    secret = scene.secret()
    assert secret is not None
    assert len(secret["metadata"]["annotations"]["adobe-ims.dev/rotate"]) == 39
    scene.credential("other")
    scene.wait_ready("other")
    assert scene.ims.requests().total == 3


def test_a_client_secret_of_any_size_is_refused_with_its_key(scene: Scene) -> None:
    scene.client_secret(data={**CLIENT, "client_secret": "x" * 900_000})
    scene.operator()
    scene.credential()
    message = scene.wait_condition("RotationFailing", "True", "ClientSecretInvalid")["message"]
    assert "Secret oauth has more than 1024 bytes under the key client_secret" in message
    scene.client_secret(data={**CLIENT, "client_secret": SAMPLE_CLIENT_SECRET})
    scene.wait_ready()

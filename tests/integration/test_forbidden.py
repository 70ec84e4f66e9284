"""A credential that would configure another controller gets no token, and its Secret stays as it is."""

from typing import Any

import pytest

from testbed.scene import Scene

ARGO_CD = {"argocd.argoproj.io/secret-type": "cluster"}


@pytest.mark.parametrize(
    ("secret", "named"),
    [
        ({"labels": ARGO_CD}, "label argocd.argoproj.io/secret-type=cluster"),
        ({"type": "helm.sh/release.v1"}, "type helm.sh/release.v1"),
        ({"annotations": {"cert-manager.io/allow-direct-injection": "true"}}, "annotation cert-manager.io/allow-"),
    ],
)
def test_a_secret_that_another_controller_takes_for_its_own_is_not_made(
    scene: Scene, secret: dict[str, Any], named: str
) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential(secret=secret)
    condition = scene.wait_condition("RotationFailing", "True", "SecretMetadataNotAllowed")
    assert named in condition["message"]
    assert "--forbid" in condition["message"]
    assert (scene.secret(), scene.ims.requests().total) == (None, 0)


def test_after_a_rule_is_set_a_secret_stays_as_it_was_and_a_rotation_is_refused(scene: Scene) -> None:
    scene.client_secret()
    before = scene.operator("--forbid", "none")
    scene.credential(secret={"labels": ARGO_CD})
    scene.wait_ready()
    written, asked = scene.secret(), scene.ims.requests().total
    before.stop()
    scene.operator()
    scene.wait_condition("RotationFailing", "True", "SecretMetadataNotAllowed")
    scene.patch("lightroom", {"metadata": {"annotations": {"adobe-ims.dev/rotate": "now"}}})
    scene.credential("allowed", secret={"labels": {"argocd.argoproj.io/secret-type": "repository"}})
    scene.wait_ready("allowed")
    assert scene.secret() == written
    assert scene.ims.requests().total == asked + 1
    scene.credential(secret={"labels": {"team": "photos"}})
    scene.wait_ready()

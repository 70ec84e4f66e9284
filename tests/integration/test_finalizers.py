"""Finalizers of others on a credential: it works like any other, and the operator takes none of them off."""

import pytest

from adobe_ims_operator.api.resource import PLURAL, ROTATE_ANNOTATION
from testbed.scene import Scene


@pytest.mark.parametrize("finalizer", ["adobe-ims.dev/none", "kopf.zalando.org/KopfFinalizerMarker"])
def test_a_credential_with_a_finalizer_that_anybody_may_set_is_served_like_any_other(
    scene: Scene, finalizer: str
) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.patch("lightroom", {"metadata": {"finalizers": [finalizer]}})
    scene.wait_ready()
    mark = scene.audited_from()
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE_ANNOTATION: "1"}}})
    scene.wait_rotations(2)
    scene.credential(scopes=["openid"])
    scene.wait_rotations(3)
    assert ("patch", PLURAL) not in scene.requests_since(mark)
    assert scene.api.get(scene.path("lightroom"))["metadata"]["finalizers"] == [finalizer]
    scene.patch("lightroom", {"metadata": {"finalizers": None}})


def test_a_huge_rotate_annotation_costs_one_token_and_is_kept_as_a_digest(scene: Scene) -> None:
    scene.client_secret()
    scene.operator()
    scene.credential()
    scene.wait_ready()
    scene.patch("lightroom", {"metadata": {"annotations": {ROTATE_ANNOTATION: "x" * 200_000}}})
    scene.wait_rotations(2)
    secret = scene.secret()
    assert secret is not None
    assert secret["metadata"]["annotations"]["adobe-ims.dev/rotate"].startswith("sha256:")
    assert scene.ims.requests().total == 2

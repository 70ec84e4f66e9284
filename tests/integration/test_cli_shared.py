"""What a person on call is told of a credential that takes the token of another."""

from integration.command import command
from integration.teams import SOURCE, asked, one_taker, share
from testbed.scene import Scene

NOT_WELL, FAILED = 3, 1


def test_status_and_check_show_the_source_and_rotate_names_it(scene: Scene) -> None:
    team, _ = one_taker(scene)
    team.wait("Ready", "True", "Rotated")
    kubeconfig, where = scene.control_plane.kubeconfig, ("-n", team.namespace)
    source = f"{scene.namespace}/{SOURCE}"

    found = command(kubeconfig, "status", *where, "taken")
    assert found.code == 0, found
    assert f"Token of AdobeIMSCredential {source}: shared with this namespace" in found.out
    assert ", taken" in found.out
    assert f"Next: the token is replaced when AdobeIMSCredential {source} holds another" in found.out
    document = command(kubeconfig, "status", *where, "taken", "-o", "json").document
    assert document["clientSecret"] is None
    assert (document["source"]["shares"], document["source"]["taken"]) == (True, True)

    checked = command(kubeconfig, "check", *where, "taken")
    assert checked.code == 0, checked
    assert "shares its token with this namespace; IMS is not asked" in checked.out

    refused = command(kubeconfig, "rotate", *where, "taken", "--wait")
    assert refused.code == FAILED
    assert f"the token is that of AdobeIMSCredential {source}; ask for a rotation of that" in refused.out

    share(scene, [])
    team.wait("RotationFailing", "True", "SourceNotShared")
    unshared = command(kubeconfig, "status", *where, "taken")
    assert unshared.code == NOT_WELL
    assert "NOT shared with this namespace" in unshared.out
    checked = command(kubeconfig, "check", *where, "taken", "-o", "json")
    assert checked.code == NOT_WELL
    (result,) = checked.document["checks"]
    assert (result["reason"], result["culprit"]) == ("SourceNotShared", "source")
    assert asked(scene) == 1

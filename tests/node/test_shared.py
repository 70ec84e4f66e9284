"""Pods in two namespaces read one token, which one of them shares with the other."""

from node.product import Applications, Release, measure
from testbed.api import Api
from testbed.stand_in import StandIn


def test_pods_in_two_namespaces_read_one_token(release: Release, api: Api, ims: StandIn) -> None:  # noqa: ARG001 - no token comes without a release
    platform, team = Applications(api, "platform"), Applications(api, "team-a")
    before = ims.requests(log=0).issued
    platform.credential("shared", sharedWith={"namespaces": [team.namespace]})
    team.take("shared", platform.namespace)
    for each in (platform, team):
        each.reading_file("shared")
    first = platform.wait_rotated("shared", None)
    for each in (platform, team):
        each.wait_read("shared", first, timeout=60)
    asked = platform.rotate("shared")
    second = platform.wait_rotated("shared", first)
    moments = [each.wait_read("shared", second, timeout=60) for each in (platform, team)]
    measure(
        "from the request to rotate a source to the file of a pod in a namespace that takes its token",
        moments[1] - asked,
    )
    assert ims.requests(log=0).issued - before == 2

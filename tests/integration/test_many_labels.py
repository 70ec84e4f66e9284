"""Credentials with labels by the thousand, each of whose writes takes the API server long, hold up nobody."""

from integration.neighbours import Neighbour
from testbed.api import wait_for
from testbed.scene import CLIENT, Scene

CREDENTIALS, LABELS = 40, 2000
"""Credentials, more than there are workers, and how many labels each has."""


def test_all_of_them_get_their_status_and_a_newcomer_goes_in_between(scene: Scene) -> None:
    scene.ims.clients(dict.fromkeys(["hog", "new"], CLIENT["client_secret"]))
    hog, other = Neighbour(scene), Neighbour(scene)
    many, new = (where.client(name, CLIENT["client_secret"]) for where, name in ((hog, "hog"), (other, "new")))
    labels = {f"label-{number}": "x" * 40 for number in range(LABELS)}
    heavy = [f"heavy-{number}" for number in range(CREDENTIALS)]
    for name in heavy:
        hog.credential(name, many, labels)
    scene.operator("--namespace", hog.namespace, "--namespace", other.namespace)
    wait_for("the first of them", lambda: any(map(hog.ready, heavy)))
    other.credential("new", new)
    wait_for("the newcomer to be Ready", lambda: other.ready("new"))
    assert not all(map(hog.ready, heavy)), "nobody was there to hold it up"
    wait_for("all to be Ready", lambda: all(map(hog.ready, heavy)), timeout=120)

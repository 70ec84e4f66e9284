"""Many credentials on one managed Secret: a replacement costs none of them an outage or a token."""

from datetime import datetime

from integration.replacing import DAY, HOUR, MANAGED, OTHER_ID, OTHER_SECRET, PATIENCE, Replacing, add_other_client
from testbed.api import wait_for
from testbed.scene import Scene

COUNT = 50
NAMES = [f"app-{n:02}" for n in range(COUNT)]
BOTH = {"secretRef": {"name": MANAGED}, "secretKeys": ["client_secret", "client_secret_previous"]}


def rotations(scene: Scene) -> dict[str, int]:
    """How often each was rotated."""
    root = scene.path("x").rpartition("/")[0]
    return {each["metadata"]["name"]: each["status"].get("rotations", 0) for each in scene.api.get(root)["items"]}


def tokens(scene: Scene) -> int:
    """How many tokens credentials asked for; those that manage client secrets have other scopes."""
    return sum("manage_client_secrets" not in entry.scopes for entry in scene.ims.requests(10_000).log)


def in_time(replacing: Replacing) -> None:
    """Wait until all that were due are rotated."""
    root = replacing.scene.path("x").rpartition("/")[0]

    def probe() -> bool:
        following = [each["status"]["nextRotationTime"] for each in replacing.scene.api.get(root)["items"]]
        return min(datetime.fromisoformat(each) for each in following) > replacing.clocks.now

    wait_for("all to be rotated that are due", probe, PATIENCE)


def all_ready(scene: Scene) -> bool:
    root = scene.path("x").rpartition("/")[0]
    for each in scene.api.get(root)["items"]:
        conditions = {c["type"]: c["status"] for c in each.get("status", {}).get("conditions", [])}
        if conditions.get("Ready") != "True" or conditions.get("RotationFailing") != "False":
            return False
    return True


def test_a_replacement_costs_no_credential_a_token(replacing: Replacing) -> None:
    scene = replacing.scene
    add_other_client(scene.ims)
    scene.client_secret("others", {"client_id": OTHER_ID, "client_secret": OTHER_SECRET})
    replacing.begin()
    # One whose client secret stays tells how often all of them rotate in any case.
    scene.credential("calm", client={"secretRef": {"name": "others"}})
    for name in NAMES:
        scene.credential(name, client=BOTH)
    for name in ("calm", *NAMES):
        scene.wait_ready(name)
    assert tokens(scene) == COUNT + 1
    replacing.replace()
    assert tokens(scene) == COUNT + 1, "adding one and putting it in place"
    status = wait_for("its users to be named", lambda: _users(replacing, COUNT), PATIENCE)
    assert status["oldUsedBy"] == [f"{scene.namespace}/{name}" for name in NAMES[:10]]
    assert all_ready(scene)
    replacing.pass_time(22 * HOUR)
    expected = dict.fromkeys(("calm", *NAMES), 2)
    wait_for("all to rotate on their own", lambda: rotations(scene) == expected, PATIENCE)
    replacing.poke()
    wait_for("nobody to be left", lambda: _users(replacing, 0), PATIENCE)
    assert "oldUsedBy" not in replacing.status()
    replacing.live(8, lambda: replacing.known().deleted, lambda: in_time(replacing))
    replacing.wait_phase("Steady")
    in_time(replacing)
    assert len(set(rotations(scene).values())) == 1, "each as often as the calm one"
    assert all_ready(scene)
    assert tokens(scene) == sum(rotations(scene).values())
    (old,) = replacing.known().deleted
    assert replacing.known().current[0].used_at is not None
    assert old.deleted_at is not None
    assert old.used_at is not None
    assert old.deleted_at - old.used_at >= DAY


def _users(replacing: Replacing, count: int) -> dict[str, object] | None:
    status = replacing.status()
    assert status.get("oldUsers") == count, status
    return status

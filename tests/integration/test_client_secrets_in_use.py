"""Somebody elsewhere still uses the old client secret: it stays, and goes once nobody used it for the overlap."""

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_SECRET
from integration.replacing import DAY, Replacing, use


@pytest.mark.parametrize("lag", [0, DAY], ids=["at once", "a day late"])
def test_what_is_used_is_not_deleted_until_the_user_stops(replacing: Replacing, lag: float) -> None:
    ims = replacing.scene.ims
    replacing.begin()
    ims.settings(last_used_lag=lag)
    replacing.replace()
    (old, _) = replacing.known().current

    def used() -> None:
        assert use(ims, SAMPLE_CLIENT_SECRET)

    replacing.live(10, each=used)
    message = replacing.wait("OldClientSecretInUse", "True", "OldClientSecretInUse")["message"]
    assert old.uuid in message
    assert replacing.status()["reason"] == "OldClientSecretInUse"
    assert replacing.asked("delete") == 0
    last_use = replacing.known().current[0].used_at
    replacing.live(12, lambda: replacing.known().deleted)
    replacing.wait_phase("Steady")
    (gone,) = replacing.known().deleted
    assert gone.uuid == old.uuid
    assert gone.deleted_at is not None
    assert last_use is not None
    assert gone.deleted_at - last_use >= DAY + lag
    assert "client_secret_previous" not in replacing.data()
    replacing.check()


def test_who_uses_it_every_other_day_alone_keeps_it_with_an_overlap_of_three(replacing: Replacing) -> None:
    ims = replacing.scene.ims
    replacing.begin(overlap="72h", interval="144h")
    replacing.replace()
    turns = iter(range(100))

    def used() -> None:
        if next(turns) % 4 == 0:
            assert use(ims, SAMPLE_CLIENT_SECRET)

    replacing.live(16, each=used)
    replacing.wait("OldClientSecretInUse", "True", "OldClientSecretInUse")
    assert replacing.asked("delete") == 0

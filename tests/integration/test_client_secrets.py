"""A client secret is replaced, over the real API server and the stand-in's console API."""

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from integration.replacing import Replacing


def test_a_client_is_taken_over(replacing: Replacing) -> None:
    replacing.begin()
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": SAMPLE_CLIENT_SECRET}
    (known,) = replacing.scene.ims.client_secrets().current
    (listed,) = replacing.status()["clientSecrets"]
    assert (listed["uuid"], listed["role"]) == (known.uuid, "Current")


def test_it_is_replaced_and_the_old_one_goes(replacing: Replacing) -> None:
    replacing.begin()
    new = replacing.replace()
    assert replacing.data()["client_secret_previous"] == SAMPLE_CLIENT_SECRET
    assert new != SAMPLE_CLIENT_SECRET
    replacing.drain()
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": new}
    known = replacing.scene.ims.client_secrets()
    assert (len(known.current), known.most) == (1, 2)

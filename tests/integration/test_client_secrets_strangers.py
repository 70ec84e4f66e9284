"""What is somebody else's is not touched: another client, a person's Secret, a managed Secret of another credential."""

import pytest

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET
from integration.replacing import (
    HOUR,
    MANAGED,
    MINUTE,
    OTHER_CREDENTIAL,
    OTHER_ID,
    OTHER_SECRET,
    PATIENCE,
    Replacing,
    add_other_client,
)
from testbed.api import wait_for

OTHER_CLIENT = {"client_id": OTHER_ID, "client_secret": OTHER_SECRET}


def untouched(replacing: Replacing) -> None:
    """See that nothing was ever added or deleted."""
    assert (replacing.asked("add"), replacing.asked("delete")) == (0, 0)


def test_a_bootstrap_of_another_client_of_the_organization(replacing: Replacing) -> None:
    add_other_client(replacing.scene.ims)
    replacing.scene.client_secret(data=OTHER_CLIENT)
    replacing.operator()
    replacing.apply()
    message = replacing.fails("CredentialMismatch")
    assert "spec.credentialId" in message
    replacing.add()
    replacing.fails("CredentialMismatch")
    assert replacing.secret() is None
    untouched(replacing)
    replacing.scene.client_secret()
    replacing.wait("Ready", "True", "InPlace")
    assert replacing.data() == {"client_id": SAMPLE_CLIENT_ID, "client_secret": SAMPLE_CLIENT_SECRET}


@pytest.mark.parametrize(
    ("field", "reason"), [("credentialId", "CredentialMismatch"), ("organizationId", "ManagementNotPermitted")]
)
def test_numbers_that_are_of_no_credential(replacing: Replacing, field: str, reason: str) -> None:
    replacing.scene.client_secret()
    replacing.operator()
    replacing.apply(**{field: "1"})
    replacing.fails(reason)
    assert replacing.secret() is None
    untouched(replacing)


def test_a_credential_that_is_moved_to_another_client_at_adobe(replacing: Replacing) -> None:
    replacing.begin()
    before = replacing.secret()
    replacing.scene.rules({"request": "list", "behaviour": "field", "key": "client_id", "value": OTHER_ID})
    replacing.add()
    replacing.settle("it to be seen", lambda: replacing.failing("CredentialMismatch"), 700)
    replacing.wait("Ready", "True", "InPlace")
    untouched(replacing)
    assert replacing.secret() == before
    replacing.scene.ims.clear_rules()
    replacing.settle("one to be added", lambda: replacing.done("add") == 1)
    replacing.check()


def test_a_secret_of_a_person_is_not_overwritten(replacing: Replacing) -> None:
    replacing.scene.client_secret(MANAGED, {"client_id": "mine", "client_secret": "mine too"})
    before = replacing.secret()
    replacing.scene.client_secret()
    replacing.operator()
    replacing.apply()
    message = replacing.fails("SecretNotOwned")
    assert MANAGED in message
    replacing.pass_time(MINUTE)
    replacing.wait("Stalled", "True", "SecretNotOwned")
    replacing.quiet()
    untouched(replacing)
    assert replacing.secret() == before
    replacing.scene.api.delete(replacing.scene.path(MANAGED, "secrets"))
    replacing.wait("Ready", "True", "InPlace")


def test_a_managed_secret_of_another_credential_is_not_overwritten(replacing: Replacing) -> None:
    add_other_client(replacing.scene.ims)
    replacing.begin()
    before = replacing.secret()
    replacing.delete()
    replacing.scene.client_secret("others", OTHER_CLIENT)
    replacing.apply(credentialId=OTHER_CREDENTIAL, bootstrap={"secretRef": {"name": "others"}})
    assert f"23294/{replacing.ledger()['credential']['credentialId']}" in replacing.fails("SecretNotOwned")
    replacing.pass_time(72 * HOUR)
    replacing.quiet()
    assert replacing.secret() == before
    untouched(replacing)


def test_a_copy_of_the_managed_secret_under_another_name_is_not_taken(replacing: Replacing) -> None:
    replacing.begin()
    original = replacing.secret()
    assert original is not None
    replacing.delete()
    metadata = {"name": "copy", "annotations": original["metadata"]["annotations"]}
    copy = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": original["data"]}
    replacing.scene.api.apply(copy, namespace=replacing.scene.namespace)
    replacing.name = "another"
    replacing.apply(secret={"name": "copy"})
    assert "is a copy of Secret" in replacing.fails("SecretNotOwned")
    untouched(replacing)


@pytest.mark.parametrize("adopt", [False, True])
def test_no_credential_writes_into_the_managed_secret(replacing: Replacing, *, adopt: bool) -> None:
    replacing.begin()
    scene = replacing.scene
    before = replacing.secret()
    secret = {"name": MANAGED, "adopt": adopt, **({"dropOtherKeys": True} if adopt else {})}
    scene.credential("thief", secret=secret)
    message = scene.wait_condition("RotationFailing", "True", "SecretNotOwned", "thief")["message"]
    assert "holds the OAuth client of an AdobeIMSClientSecret" in message
    scene.api.delete(scene.path("thief"))
    replacing.quiet()
    assert replacing.secret() == before
    tokens = [entry for entry in scene.ims.requests().log if "manage_client_secrets" not in entry.scopes]
    assert tokens == []
    scene.credential("user", client={"secretRef": {"name": MANAGED}})
    scene.wait_ready("user")


def test_a_damaged_ledger_stops_all_until_it_is_put_back(replacing: Replacing) -> None:
    replacing.begin()
    before = replacing.secret()
    assert before is not None
    (annotation,) = [name for name in before["metadata"]["annotations"] if name.endswith("ledger")]
    for damage in ("{}", "x" * 10000, before["metadata"]["annotations"][annotation][:-1]):
        replacing.scene.patch(MANAGED, {"metadata": {"annotations": {annotation: damage}}}, "secrets")
        replacing.fails("LedgerDamaged")
    replacing.request()
    replacing.pass_time(72 * HOUR)
    replacing.quiet()
    untouched(replacing)
    whole = {"metadata": {"annotations": {annotation: before["metadata"]["annotations"][annotation]}}}
    replacing.scene.patch(MANAGED, whole, "secrets")
    wait_for("one to be added", lambda: replacing.done("add") == 1, PATIENCE)

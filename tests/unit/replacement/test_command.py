"""What the command `client-secrets` says of one, from its status."""

from dataclasses import replace

from adobe_ims_operator.api.client_secret_status import ClientSecretStatus, ReportedClientSecret, Role
from adobe_ims_operator.cli.client_secrets import describe
from unit.replacement.world import first_cluster

USED = "2026-11-20T10:00:00Z"


def described(*entries: ReportedClientSecret) -> dict[str, object]:
    status = ClientSecretStatus(client_secrets=entries, old_used_by=("photos/web",), old_users=1)
    return describe(replace(first_cluster().resource, status=status))


def test_the_old_one_is_the_previous_one() -> None:
    current, old = (
        ReportedClientSecret("a", role=Role.CURRENT),
        ReportedClientSecret("b", None, USED, None, Role.PREVIOUS),
    )
    found = described(current, old)
    assert (found["oldLastUsedAt"], found["oldUsedBy"], found["oldUsers"]) == (USED, ["photos/web"], 1)


def test_the_use_of_a_strangers_is_not_the_use_of_the_old_one() -> None:
    found = described(*(ReportedClientSecret(role, None, USED, None, role) for role in Role if role != Role.PREVIOUS))
    assert found["oldLastUsedAt"] is None

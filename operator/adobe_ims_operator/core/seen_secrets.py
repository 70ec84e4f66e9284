"""What looks into the token Secret and the client Secret showed, as far as a decision needs it."""

from typing import NamedTuple

from adobe_ims_operator.core.secret_differences import NO_DIFFERENCES, Differences


class SeenTokenSecret(NamedTuple):
    """What a look into the token Secret, or a write of it, showed."""

    version: int
    intact: bool
    spec_digest: str | None = None
    """Of the spec that it was compared with; None where it counts as equal to any."""
    differences: Differences = NO_DIFFERENCES
    data_editor: str = ""
    """What changed its data last, where that was somebody else's program."""


class SeenClientSecret(NamedTuple):
    """What a look into the client Secret showed."""

    version: int
    digest: str
    """Of the client id and the client secrets, or a word that no digest equals where they are incomplete."""
    client_id: str | None
    values: tuple[tuple[str, str], ...] = ()
    """The key of each client secret, in the order in which they are tried, and its digest with the client id."""

    def key_of(self, value: str | None) -> str | None:
        """The first key under which a client secret of that digest is; None for none."""
        return next((key for key, digest in self.values if digest == value), None)

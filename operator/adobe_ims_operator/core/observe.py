"""Puts together all that a decision about one credential depends on; a pure function of what is known."""

from datetime import datetime

from adobe_ims_operator.core.model import Attempts, Endpoint, HeldToken, Inputs, Observed
from adobe_ims_operator.core.seen_secrets import SeenClientSecret
from adobe_ims_operator.core.source import Shared
from adobe_ims_operator.core.surroundings import Surroundings


def observe(
    around: Surroundings,
    attempts: Attempts,
    endpoint: Endpoint,
    *,
    forbidden: str | None = None,
    held: HeldToken | None = None,
    asking_since: datetime | None = None,
    in_flight: bool = False,
    throttled_until: datetime | None = None,
) -> Observed:
    """Observe one credential."""
    client, secret = around.client, around.secret
    seen_token = attempts.token_secret
    digest = around.spec_digests.whole
    looked_into = secret is not None and seen_token is not None and seen_token.version == secret.version
    return Observed(
        credential=around.credential,
        endpoint=endpoint,
        inputs=_inputs(around, attempts.client_secret),
        spec_digests=around.spec_digests,
        client=client,
        secret=secret,
        rivals=around.rivals,
        holder=around.holder,
        forbidden=forbidden,
        intact=seen_token.intact if looked_into and seen_token is not None else None,
        differences=seen_token.differences
        if looked_into and seen_token is not None and seen_token.spec_digest in (None, digest)
        else None,
        attempts=attempts,
        held=held,
        asking_since=asking_since,
        in_flight=in_flight,
        throttled_until=throttled_until,
        source=around.source,
        limit=around.limit,
    )


def _inputs(around: Surroundings, seen: SeenClientSecret | None) -> Inputs:
    digest = around.spec_digests.token
    if around.source is not None:  # who takes a token can't have IMS asked for another
        rotation = around.source.rotation if isinstance(around.source, Shared) else None
        return Inputs(digest, rotation, "")
    read = around.client is not None and seen is not None and seen.version == around.client.version
    return Inputs(digest, seen.digest if read and seen is not None else None, around.credential.rotate_request)

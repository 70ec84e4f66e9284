"""Puts together all that a decision about one credential depends on; a pure function of what is known."""

from datetime import datetime

from adobe_ims_operator.core.model import Attempts, Endpoint, HeldToken, Inputs, Observed, Surroundings


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
    seen_client, seen_token = attempts.client_secret, attempts.token_secret
    read = client is not None and seen_client is not None and seen_client.version == client.version
    digest = around.spec_digests.whole
    looked_into = secret is not None and seen_token is not None and seen_token.version == secret.version
    return Observed(
        credential=around.credential,
        endpoint=endpoint,
        inputs=Inputs(
            around.spec_digests.token,
            seen_client.digest if read and seen_client is not None else None,
            around.credential.rotate_request,
        ),
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
    )

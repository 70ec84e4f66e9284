"""What to say of a client that IMS does not accept: which value of which Secret, at which endpoint, and what to do."""

from collections.abc import Mapping

from adobe_ims_operator.adobe.errors import Culprit, InvalidClient, for_support
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.kube.client_secret import Client


def explain_refusals(ref: ClientRef, endpoint: str, client: Client, refusals: Mapping[str, InvalidClient]) -> str:
    """Write the message.

    Args:
        endpoint: the IMS that was asked.
        refusals: what it said, by the key of the client secret that it was asked with, in that order.
    """
    culprits = {refusal.culprit for refusal in refusals.values()}
    culprit = culprits.pop() if len(culprits) == 1 else Culprit.EITHER
    of_id, of_secrets = culprit is not Culprit.CLIENT_SECRET, culprit is not Culprit.CLIENT_ID
    keys = ([ref.id_key] if of_id else []) + (list(refusals) if of_secrets else [])
    where = f"Secret {ref.secret_name}, key{'s' if len(keys) > 1 else ''} {' and '.join(keys)}"
    message = f"{endpoint} does not accept {culprit.value} ({where}); put a valid one there"
    message += ", or set spec.endpoint to the IMS that it is of, as production and stage have clients of their own"
    doubts = [f"the value under {key} {doubt}" for key, doubt in client.doubts.items()]
    if doubts:
        message += f"; look at what was stored: {', '.join(doubts)}"
    return message + for_support(list(refusals.values())[-1].debug_id)

"""What a taker writes where its source changes while the token is read: nothing without consent, nothing twice."""

import base64

from adobe_ims_operator.api.digests import digest_data
from unit.flow import NAMESPACE, Flow, flowing

SHARED = {"namespaces": [NAMESPACE]}


async def take_while_reads_wait(flow: Flow) -> None:
    """Have a source with its token, and a taker that reads it and gets no answer yet."""
    flow.put("source", sharedWith=SHARED)
    await flow.until(lambda: flow.ready("source") == "Rotated")
    flow.api.reads.shut()
    flow.take("taker", "source")
    await flow.until(lambda: flow.api.reads.waiting > 0)


async def test_consent_that_is_withdrawn_while_the_token_is_read_counts() -> None:
    async with flowing(1) as flow:
        await take_while_reads_wait(flow)
        flow.put("source", sharedWith={"namespaces": []})
        flow.api.reads.open()
        await flow.until(lambda: flow.condition("taker", "RotationFailing") == ("True", "SourceNotShared"))
        assert "taker" not in flow.tokens()


async def test_a_rotation_that_no_watch_brought_yet_is_taken_once() -> None:
    async with flowing(1) as flow:
        await take_while_reads_wait(flow)
        rotate_unseen(flow, "source", "token-of-another-replica")
        flow.api.reads.open()
        await flow.until(lambda: flow.ready("taker") == "Rotated")
        assert flow.tokens()["taker"] == "token-of-another-replica"
        assert flow.history.count("wrote taker") == 1


def rotate_unseen(flow: Flow, name: str, token: str) -> None:
    """Write another token into a Secret, as a replica that led a moment ago does."""
    secret = flow.api.secrets[name]
    annotations = secret["metadata"]["annotations"]
    data = {"access_token": base64.b64encode(token.encode()).decode()}
    annotations["adobe-ims.dev/data-digest"] = digest_data(annotations["adobe-ims.dev/credential-uid"], data)
    seconds = annotations["adobe-ims.dev/rotation-id"].partition("-")[0]
    annotations["adobe-ims.dev/rotation-id"] = f"{seconds}-f00d"
    secret["data"] = data
    secret["metadata"]["resourceVersion"] = flow.api.version()

"""An API that needs a token, in place of one of Adobe's: it shows whether an application copes with a rotation."""

import logging

from adobe_ims_stand_in.answers import Answer
from adobe_ims_stand_in.record import Issued, Record
from adobe_ims_stand_in.tokens import digest

PATH = "/pie/psdService/hello"
"""Where Adobe Photoshop's API says hello, on image.adobe.io."""

_log = logging.getLogger(__name__)


def call(record: Record, authorization: str, now: float) -> Answer:
    """Answer 200 to a token that was issued and lives, else 401; the call is counted.

    Args:
        authorization: the header of that name, or "".
        now: seconds since the epoch.
    """
    found = bearer(record, authorization, now)
    problem = found if isinstance(found, str) else None
    answer = _accepted() if problem is None else _refused(problem)
    record.calls[str(answer.status)] += 1
    _log.info("call answer=%d%s", answer.status, f" ({problem})" if problem else "")
    return answer


def bearer(record: Record, authorization: str, now: float) -> Issued | str:
    """Give what is known of the token in a header, or say in words why it is not good."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return "no bearer token"
    issued = record.digests.get(digest(token.strip()))
    if issued is None:
        return "unknown token"
    return "expired token" if now >= issued.expires_at else issued


def _accepted() -> Answer:
    return Answer(label="hello", body={"message": "the token is good"})


def _refused(problem: str) -> Answer:
    return Answer(
        label="refused", status=401, body={"error_code": "401013", "message": f"Oauth token is not valid: {problem}"}
    )

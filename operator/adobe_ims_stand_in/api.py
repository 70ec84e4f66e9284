"""An API that needs a token, in place of one of Adobe's: it shows whether an application copes with a rotation."""

import logging
import time

from adobe_ims_stand_in.answers import Answer
from adobe_ims_stand_in.record import Record
from adobe_ims_stand_in.tokens import digest

PATH = "/pie/psdService/hello"
"""Where Adobe Photoshop's API says hello, on image.adobe.io."""

_log = logging.getLogger(__name__)


def call(record: Record, authorization: str) -> Answer:
    """Answer 200 to a token that was issued and lives, else 401; the call is counted.

    Args:
        authorization: the header of that name, or "".
    """
    scheme, _, token = authorization.partition(" ")
    problem = _problem(record, token.strip() if scheme.lower() == "bearer" else "")
    answer = _accepted() if problem is None else _refused(problem)
    record.calls[str(answer.status)] += 1
    _log.info("call answer=%d%s", answer.status, f" ({problem})" if problem else "")
    return answer


def _problem(record: Record, token: str) -> str | None:
    if not token:
        return "no bearer token"
    expires_at = record.digests.get(digest(token))
    if expires_at is None:
        return "unknown token"
    return "expired token" if time.time() >= expires_at else None


def _accepted() -> Answer:
    return Answer(label="hello", body={"message": "the token is good"})


def _refused(problem: str) -> Answer:
    return Answer(
        label="refused", status=401, body={"error_code": "401013", "message": f"Oauth token is not valid: {problem}"}
    )

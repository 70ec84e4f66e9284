"""The fields of the JSON log lines that are about a credential, for people and programs to search by.

None of them is ever a token or a client secret. docs/monitoring.md has them.
"""

from collections.abc import Mapping
from datetime import datetime

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import to_rfc3339

FIELDS = "fields"
"""The attribute of a log record that holds them: `name` is the logger's own there."""


def about(
    key: Key,
    *,
    secret: str | None = None,
    reason: str | None = None,
    endpoint: str | None = None,
    expires_at: datetime | None = None,
    debug_id: str | None = None,
) -> Mapping[str, Mapping[str, str]]:
    """What to log as `extra` with a line about a credential.

    Args:
        secret: the name of a Secret in its namespace.
        endpoint: the URL of the IMS that was asked.
        expires_at: when the token that the line is about expires.
        debug_id: the x-debug-id of the answer of IMS.
    """
    found = {"namespace": key.namespace, "name": key.name, "secret": secret, "reason": reason, "endpoint": endpoint}
    found |= {"expires_at": None if expires_at is None else to_rfc3339(expires_at), "x-debug-id": debug_id}
    return {FIELDS: {field: value for field, value in found.items() if value is not None}}

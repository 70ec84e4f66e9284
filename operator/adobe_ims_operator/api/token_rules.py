"""What an access token and its time may be, be it from IMS or from a Secret that people may write to."""

import re
from datetime import timedelta

# Visible ASCII, as OAuth 2.0 has it (RFC 6749, A.12), less what would break out of a JSON string.
ACCESS_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
TOKEN_TYPE = "bearer"  # noqa: S105 - no secret
"""In whatever case."""
SHORTEST_LIFETIME = timedelta(seconds=10)
"""A token that lives shorter would be replaced all the time."""
LONGEST_LIFETIME = timedelta(days=10)
"""Above this `expires_in` is in milliseconds, as older IMS endpoints wrote it."""

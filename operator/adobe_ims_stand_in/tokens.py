"""Access tokens that look like those of IMS: JWTs, RS256 by their header, 1 to 2 kB, no two the same."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from uuid import uuid4


class Mint:
    """The signature of its tokens is random bytes, as many as IMS has: no token of a stand-in verifies anywhere."""

    def __init__(self) -> None:
        header = {
            "alg": "RS256",
            "x5u": "ims_na1-key-stand-in.cer",
            "kid": "ims_na1-key-stand-in",
            "itt": "at",
        }
        self._header = _base64(json.dumps(header).encode())

    def token(self, client_id: str, scopes: Sequence[str], expires_in: int, at: float) -> str:
        """Make a new token at a time in seconds since the epoch, `expires_in` seconds to live."""
        now = int(at * 1000)
        claims = {
            "id": f"{now}_{uuid4()}_ew1",
            "type": "access_token",
            "client_id": client_id,
            "user_id": technical_account(client_id),
            "as": "ims-na1",
            "aa_id": technical_account(client_id),
            "ctp": 3,
            # Real tokens carry some such opaque state, which is what takes them over 1 kB.
            "fg": secrets.token_urlsafe(96),
            "moi": secrets.token_hex(4),
            # Strings of milliseconds, unlike the seconds of the answer around the token.
            "expires_in": str(expires_in * 1000),
            "created_at": str(now),
            "scope": ",".join(scopes),
        }
        return f"{self._header}.{_base64(json.dumps(claims).encode())}.{_base64(secrets.token_bytes(256))}"


def technical_account(client_id: str) -> str:
    """Name the account a credential acts as, the same for the same client id."""
    return f"{hashlib.sha256(client_id.encode()).hexdigest()[:24].upper()}@techacct.adobe.com"


def digest(token: str) -> str:
    """Give what is kept of a token once it is sent: its SHA-256, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()

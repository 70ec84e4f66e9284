"""What the demo looks at by itself: the credential, its token Secret and the operator's log, but never the token.

It logs in as the operator does, so that it can see no more than the operator may.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import yaml

from testbed.api import Api

GROUP = "adobe-ims.dev"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a manifest with a client Secret and a credential says."""

    credential: str
    secret: str
    """Name of the token Secret."""
    token_key: str
    """The key of the token Secret that holds the token and nothing else."""
    client_id: str
    client_secret: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the manifest."""
        objects = {each["kind"]: each for each in yaml.safe_load_all(path.read_text())}
        client, credential = objects["Secret"]["stringData"], objects["AdobeIMSCredential"]
        secret = credential["spec"]["secret"]
        return cls(
            credential=credential["metadata"]["name"],
            secret=secret["name"],
            token_key=next(key for key, template in secret["data"].items() if template == "$(access_token)"),
            client_id=client["client_id"],
            client_secret=client["client_secret"],
        )


@dataclass(frozen=True, slots=True)
class TokenSecret:
    """What may be shown of a token Secret."""

    version: str
    sizes: Mapping[str, int]
    """Bytes by key."""
    digest: str
    """SHA-256 of the token, in hex."""
    expires_at: datetime
    rotations: int

    @property
    def fingerprint(self) -> str:
        """Enough of the digest to tell one token from the next."""
        return self.digest[:12]


@dataclass(frozen=True, slots=True)
class Report:
    """What the credential's status says."""

    version: str
    rotations: int
    next_rotation: datetime | None


class View:
    """The two objects, as they are now."""

    def __init__(self, api: Api, namespace: str, sample: Sample) -> None:
        self._api = api
        self._sample = sample
        self._secret = f"/api/v1/namespaces/{namespace}/secrets/{sample.secret}"
        # The operator may list credentials, but not get one.
        self._credentials = f"/apis/{GROUP}/v1alpha1/namespaces/{namespace}/adobeimscredentials"

    def secret(self) -> TokenSecret | None:
        """Look at the token Secret; None if there is none, or none that the operator is done with."""
        found = self._api.get_or_none(self._secret) or {}
        annotations = found.get("metadata", {}).get("annotations", {})
        data = {key: base64.b64decode(value) for key, value in found.get("data", {}).items()}
        if self._sample.token_key not in data or f"{GROUP}/expires-at" not in annotations:
            return None
        return TokenSecret(
            version=found["metadata"]["resourceVersion"],
            sizes={key: len(value) for key, value in data.items()},
            digest=hashlib.sha256(data[self._sample.token_key]).hexdigest(),
            expires_at=datetime.fromisoformat(annotations[f"{GROUP}/expires-at"]),
            rotations=int(annotations[f"{GROUP}/rotations"]),
        )

    def report(self) -> Report | None:
        """Look at the credential's status; None if there is no credential, or nothing was reported yet."""
        found: list[dict[str, Any]] = self._api.get(self._credentials)["items"]
        credential = next((each for each in found if each["metadata"]["name"] == self._sample.credential), None)
        if credential is None or "rotations" not in credential.get("status", {}):
            return None
        status = credential["status"]
        moment = status.get("nextRotationTime")
        return Report(
            version=credential["metadata"]["resourceVersion"],
            rotations=status["rotations"],
            next_rotation=datetime.fromisoformat(moment) if moment else None,
        )


class Log:
    """The operator's log, as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shown = 0
        """Bytes of it that `new_lines` has returned so far."""

    def new_lines(self) -> list[str]:
        """Return the lines that were completed since the last call."""
        content = self._path.read_bytes() if self._path.exists() else b""
        whole = content[self.shown : content.rfind(b"\n") + 1]
        self.shown += len(whole)
        return whole.decode(errors="replace").splitlines()

    def end(self, lines: int) -> list[str]:
        """Return the latest lines."""
        return self._path.read_text(errors="replace").splitlines()[-lines:] if self._path.exists() else []

"""Certificates for the server, from an authority of its own that clients are told to trust."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.x509 import load_pem_x509_certificate

_MARGIN = timedelta(days=1)


class CertificateError(Exception):
    """Certificate files that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """PEM files; `ca` is None if the authority is somebody else's."""

    certificate: Path
    key: Path
    ca: Path | None

    def context(self) -> ssl.SSLContext:
        """Raise CertificateError if the files are no certificate and its key."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(f"cannot use {self.certificate} with {self.key}: {error}") from error
        return context


def issue(folder: Path, names: Sequence[str]) -> ServerCertificate:
    """Make a new certificate for `names`, DNS names or IP addresses, by the authority of the folder.

    The authority outlives restarts: clients trust `ca.crt` once. It is made if there is none or it is about
    to expire. Raises CertificateError if the folder's authority is not the stand-in's, or a name is no name.
    """
    files = ServerCertificate(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        authority = _authority(folder / "ca.crt", folder / "ca.key")
        certificate = authority.issue_cert(*names)
    except (OSError, ValueError) as error:
        raise CertificateError(f"cannot issue a certificate in {folder}: {error}") from error
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    _write_private(files.key, certificate.private_key_pem.bytes())
    _write_private(files.certificate, chain)
    return files


def _authority(certificate: Path, key: Path) -> trustme.CA:
    if certificate.exists() and not key.exists():
        raise ValueError("ca.crt is there without its ca.key; for a certificate of your own use --tls-cert")
    if certificate.exists():
        content = certificate.read_bytes()
        if load_pem_x509_certificate(content).not_valid_after_utc > datetime.now(UTC) + _MARGIN:
            return trustme.CA.from_pem(content, key.read_bytes())
    authority = trustme.CA(organization_name="adobe-ims-stand-in")
    # The key first: a crash between the two leaves a key without ca.crt, which the next start replaces.
    _write_private(key, authority.private_key_pem.bytes())
    certificate.write_bytes(authority.cert_pem.bytes())
    return authority


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)

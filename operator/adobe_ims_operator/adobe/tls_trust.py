"""Whose TLS certificates are accepted of an endpoint."""

import os
import ssl
from pathlib import Path

import certifi


class TrustError(Exception):
    """The authorities to trust can't be read."""


def load_trust(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the usual authorities, and those of a PEM file.

    The usual ones are those of SSL_CERT_FILE and SSL_CERT_DIR, else the system's, and certifi's where it has none.

    Raises:
        TrustError: a file is missing, or holds no certificate.
    """
    file, folder = os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None
    if not file and not folder and not _system_has_authorities():
        file = certifi.where()
    try:
        context = ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:  # which an ssl.SSLError is as well
        raise TrustError(f"the file that SSL_CERT_FILE names can't be used ({error})") from error
    try:
        if ca_file is not None:
            context.load_verify_locations(cafile=str(ca_file))
    except OSError as error:
        raise TrustError(f"{ca_file} holds no certificate in PEM form ({error})") from error
    return context


def _system_has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    # OpenSSL finds those of a folder by the hash of their names, each when it is needed.
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).glob("*.0"))))

"""A server's certificate in files that somebody renews, as cert-manager and the kubelet do with those of a Secret."""

import logging
import ssl
from pathlib import Path

logger = logging.getLogger(__name__)

_State = tuple[tuple[int, int, int], ...]


class CertificateError(Exception):
    """The files can't be used."""


class Certificate:
    """A certificate chain and its key, both in PEM, that are read again when they change.

    Raises:
        CertificateError: they can't be read, or do not belong together.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._files = (chain, key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._seen: _State | None = None
        self._failing = False
        try:
            self._load()
        except OSError as error:  # which an ssl.SSLError is as well
            raise CertificateError(f"{chain} and {key} are no certificate with its key ({_why(error)})") from None

    def context(self) -> ssl.SSLContext:
        """What the next connection is to be served with; that of before where the files can't be used."""
        try:
            if self._state() != self._seen:
                self._load()
                logger.info("the certificate of the metrics port was read again")
                self._failing = False
        except OSError as error:
            if not self._failing:  # anybody can connect, so it is not logged for each connection
                logger.warning("the certificate of the metrics port can't be read again (%s)", _why(error))
            self._failing = True
        return self._context

    def _load(self) -> None:
        self._seen = self._state()
        # An empty password keeps OpenSSL from asking for one at the terminal.
        # Not into the one in use, which a chain without its key would leave of no use.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._files, password="")
        self._context = context

    def _state(self) -> _State:
        found = [path.stat() for path in self._files]
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__

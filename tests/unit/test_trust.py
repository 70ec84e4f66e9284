"""Whose certificates are accepted: the system's, unless the environment names others."""

import ssl
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
import trustme

from adobe_ims_operator.adobe.tls_trust import TrustError, load_trust


def authorities(context: ssl.SSLContext) -> set[str]:
    return {str(each["serialNumber"]) for each in context.get_ca_certs()}


@pytest.fixture
def _system_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def system_has(monkeypatch: pytest.MonkeyPatch, cafile: str | None, capath: str | None) -> None:
    """Say what there is where this system's OpenSSL looks, which nothing but the environment could change."""
    paths = SimpleNamespace(cafile=cafile, capath=capath)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)


@pytest.mark.usefixtures("_system_only")
def test_the_systems_authorities_are_the_usual_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "0123abcd.0").touch()
    for cafile, capath in ((certifi.where(), None), (None, str(tmp_path))):
        system_has(monkeypatch, cafile, capath)
        assert authorities(load_trust(None)) == authorities(ssl.create_default_context())


@pytest.mark.usefixtures("_system_only")
def test_where_the_system_has_none_they_come_with_the_operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for capath in (None, str(tmp_path)):
        system_has(monkeypatch, None, capath)
        assert authorities(load_trust(None)) == authorities(ssl.create_default_context(cafile=certifi.where()))


def test_those_that_the_environment_names_replace_them_and_a_file_of_ones_own_is_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("named", "own"):
        trustme.CA().cert_pem.write_to_path(str(tmp_path / name))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "named"))
    assert len(authorities(load_trust(None))) == 1
    assert len(authorities(load_trust(tmp_path / "own"))) == 2


@pytest.mark.parametrize("file", [True, False], ids=["beside a file", "alone"])
def test_a_folder_that_the_environment_names_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: bool
) -> None:
    # A context tells nothing of a folder, in which it looks up each when it is needed.
    asked = []
    make = ssl.create_default_context

    def record(*, cafile: str | None, capath: str | None) -> ssl.SSLContext:
        asked.append((cafile, capath))
        return make(cafile=cafile, capath=capath)

    monkeypatch.setattr(ssl, "create_default_context", record)
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where() if file else "")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    load_trust(None)
    assert asked == [(certifi.where() if file else None, str(tmp_path))]


def test_a_file_that_the_environment_names_in_vain_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing"))
    with pytest.raises(TrustError, match="SSL_CERT_FILE"):
        load_trust(None)

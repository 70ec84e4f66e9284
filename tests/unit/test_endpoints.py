"""Which endpoints may be sent a secret, and when they may be asked."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.adobe.endpoints import ADOBE, EndpointError, Endpoints, normalize

PRODUCTION, STAGE = ADOBE
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)

SCHEMES = ["http://", "https://", "HTTPS://", "ftp://", "//", ""]
HOSTS = ["ims.example", "IMS.Example.", "u:p@ims.example", "[::1]", "ims\u3002example", "\u0130.example"]
PORTS = ["", ":443", ":80", ":8443", ":0443", ":", ":x", ":99999999"]
PATHS = ["", "/", "//", "/ims", "?", "#", " ", "\\"]
URLISH = st.one_of(
    st.text(),
    st.text(alphabet="htps:/@.?#[]%aA0-\\ \t\n\u212a\u0130\uff0e"),
    st.tuples(*(st.sampled_from(parts) for parts in (SCHEMES, HOSTS, PORTS, PATHS))).map("".join),
)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ims.example", "https://ims.example"),
        ("https://ims.example/", "https://ims.example"),
        ("HTTPS://IMS.Example", "https://ims.example"),
        (" https://ims.example\n", "https://ims.example"),
        ("https://ims.example:443", "https://ims.example"),
        ("https://ims.example:443/", "https://ims.example"),
        ("https://ims.example:8443", "https://ims.example:8443"),
        ("https://ims.example:80", "https://ims.example:80"),
        ("http://ims.example:80", "http://ims.example"),
        ("http://ims.example:443", "http://ims.example:443"),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
    ],
)
def test_an_endpoint_is_written_one_way(url: str, origin: str) -> None:
    assert normalize(url) == origin


@given(URLISH)
def test_normalizing_again_changes_nothing_and_anything_else_is_an_endpoint_error(url: str) -> None:
    try:
        once = normalize(url)
    except EndpointError:
        return
    assert normalize(once) == once
    assert once.isascii()
    assert once == once.lower().strip()
    assert once.count("/") == 2
    assert not set(once) & set("@?#\\[]% ")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "ims.example",
        "//ims.example",
        "ftp://ims.example",
        "https:ims.example",
        "https:/ims.example",
        "https://ims.example/ims/token/v3",
        "https://ims.example?x",
        "https://ims.example#x",
        "https://user@ims.example",
        "https://user:password@ims.example",
        "https://ims.example:",
        "https://ims.example:https",
        "https://ims.example:-1",
        "https://[::1]:8443",
        "https://ims\u3002example",
        "https://\u0456ms.example",
        "https://ims.example\\@evil.example",
        "https://ims.example\t.evil.example",
        "https://ims.example\n.evil.example",
        "https://ims.example%2eevil.example",
        "https://ims_na1.example",
    ],
)
def test_what_is_no_endpoint_is_refused_with_one_that_would_be(url: str) -> None:
    with pytest.raises(EndpointError) as refusal:
        normalize(url)
    assert repr(url) in str(refusal.value)
    assert f"write a scheme and a host, such as {PRODUCTION}" in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["https://ims.example:99999", "https://ims.example:0", "https://a..b", "https://.", "https://-"]
)
def test_a_host_or_port_that_can_not_exist_is_refused(url: str) -> None:
    with pytest.raises(EndpointError):
        normalize(url)


# The allow-list


def test_the_first_endpoint_is_the_default() -> None:
    assert Endpoints([STAGE, PRODUCTION]).resolve(None) == STAGE


def test_an_endpoint_named_twice_is_one() -> None:
    assert Endpoints([PRODUCTION, f"{PRODUCTION}:443/", STAGE]).urls == ADOBE


def test_without_an_endpoint_there_is_nothing_to_do() -> None:
    with pytest.raises(EndpointError, match="name at least one"):
        Endpoints([])


@pytest.mark.parametrize("url", ["http://ims.example", "HTTP://ims.example", "http://ims.example:443"])
def test_http_is_for_those_who_ask_for_it(url: str) -> None:
    with pytest.raises(EndpointError, match="in the clear; use https, or add --allow-http-endpoint"):
        Endpoints([PRODUCTION, url])
    allowed = Endpoints([PRODUCTION, url], allow_http=True)
    assert allowed.allows(allowed.resolve(url))


def test_leave_for_http_adds_nothing_to_the_list() -> None:
    allowed = Endpoints([PRODUCTION], allow_http=True)
    assert not allowed.allows(allowed.resolve(PRODUCTION.replace("https", "http")))


@pytest.mark.parametrize("url", [f"{PRODUCTION}:443", f"{PRODUCTION}/", PRODUCTION.upper(), f" {STAGE} "])
def test_an_allowed_endpoint_is_allowed_however_it_is_written(url: str) -> None:
    allowed = Endpoints(ADOBE)
    assert allowed.resolve(url) in ADOBE
    assert allowed.allows(allowed.resolve(url))


@pytest.mark.parametrize(
    "trick",
    [
        "https://evil.example",
        f"{PRODUCTION}@evil.example",
        f"{PRODUCTION}:443@evil.example",
        f"{PRODUCTION}.evil.example",
        f"{PRODUCTION}.",
        f"{PRODUCTION}:8443",
        f"{PRODUCTION}:0443",
        f"{PRODUCTION}:443:443",
        f"{PRODUCTION}/../..",
        f"{PRODUCTION}//evil.example",
        f"{PRODUCTION}?@evil.example",
        f"{PRODUCTION}#@evil.example",
        f"{PRODUCTION}\\@evil.example",
        f"{PRODUCTION}%00.evil.example",
        f"{PRODUCTION}\x00.evil.example",
        f"{PRODUCTION}\n.evil.example",
        f"{PRODUCTION} .evil.example",
        f"{PRODUCTION},https://evil.example",
        f"https://evil.example/{PRODUCTION}",
        f"https://evil.example?{PRODUCTION}",
        "https://evil-ims-na1.adobelogin.com",
        "https://adobelogin.com",
        "https://ims-na1.adobelogin.com.\uff0eevil.example",
        "https://ims-na1\uff0eadobelogin.com",
        "https://ims-na1.adobelog\u0131n.com",
        "https://\u0456ms-na1.adobelogin.com",
        "https://xn--ms-na1-3uf.adobelogin.com",
        "https://[::ffff:127.0.0.1]",
        "https://[::1]",
        "http://ims-na1.adobelogin.com",
        "http://ims-na1.adobelogin.com:443",
        "ims-na1.adobelogin.com",
        "//ims-na1.adobelogin.com",
        "",
    ],
)  # fmt: skip
def test_no_trick_gets_past_the_allow_list(trick: str) -> None:
    allowed = Endpoints(ADOBE)
    assert not allowed.allows(trick)
    assert not allowed.allows(allowed.resolve(trick))


@given(
    URLISH
    | st.sampled_from(ADOBE).flatmap(
        lambda url: st.builds("{}{}{}".format, st.text(max_size=3), st.just(url), st.text())
    )
)
def test_whatever_is_allowed_is_asked_at_the_very_host_on_the_list(url: str) -> None:
    allowed = Endpoints(ADOBE)
    resolved = allowed.resolve(url)
    if allowed.allows(resolved):
        assert resolved in ADOBE
        assert url.strip().rstrip("/").lower().removesuffix(":443") == resolved

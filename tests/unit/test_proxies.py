"""NO_PROXY is matched as Go's programs match it, and nothing that is in it keeps tokens from coming."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.adobe.proxies import Proxies, ProxyError

PROXY = "http://proxy.example.com:3128"
IMS = "https://ims-na1.adobelogin.com"


def proxied(endpoint: str, no_proxy: str) -> bool:
    return Proxies({"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "NO_PROXY": no_proxy}).of(endpoint) is not None


@pytest.mark.parametrize(
    ("no_proxy", "endpoint"),
    [
        ("*", IMS),
        ("a,*,b", IMS),
        ("ims-na1.adobelogin.com", IMS),
        ("IMS-NA1.AdobeLogin.com", IMS),
        ("adobelogin.com", IMS),
        (".adobelogin.com", IMS),
        ("*.adobelogin.com", IMS),
        ("adobelogin.com.", IMS),
        ("adobelogin.com:443", IMS),
        ("https://adobelogin.com", IMS),
        ("all://adobelogin.com", IMS),
        ("x , adobelogin.com", IMS),
        ("x adobelogin.com", IMS),
        ("x\nadobelogin.com,", IMS),
        ("127.0.0.1", "https://127.0.0.1:8443"),
        ("127.0.0.1:8443", "https://127.0.0.1:8443"),
        ("127.0.0.0/8", "https://127.0.0.1:8443"),
        ("127.0.0.1/8", "https://127.0.0.1:8443"),
        ("127.0.0.1/32", "https://127.0.0.1:8443"),
        ("0.0.0.0/0", "https://127.0.0.1:8443"),
        ("127.0.0.1:80", "http://127.0.0.1"),
        ("[::1]", "https://[::1]:8443"),
        ("::1", "https://[::1]:8443"),
        ("[::1]:8443", "https://[::1]:8443"),
        ("0:0::1", "https://[::1]:8443"),
        ("::/64", "https://[::1]:8443"),
        ("localhost", "https://localhost:8443"),
    ],
)
def test_what_no_proxy_means_is_asked_directly(no_proxy: str, endpoint: str) -> None:
    assert not proxied(endpoint, no_proxy)
    assert not proxied(endpoint, f"fd00::/8,[::1,{no_proxy},10.0.0.0/99")


@pytest.mark.parametrize(
    ("no_proxy", "endpoint"),
    [
        ("", IMS),
        (",", IMS),
        ("na1.adobelogin.com", IMS),
        ("login.com", IMS),
        (".ims-na1.adobelogin.com", IMS),
        ("adobelogin.com:8443", IMS),
        ("http://adobelogin.com", IMS),
        ("ims-na1.adobelogin.com/", IMS),
        ("127.0.0.1", IMS),
        ("10.0.0.0/8", IMS),
        ("0.1", "https://127.0.0.1"),
        ("127.0.0.0/99", "https://127.0.0.1"),
        ("127.0.0.1:80", "https://127.0.0.1"),
        ("128.0.0.0/8", "https://127.0.0.1"),
        ("::/0", "https://127.0.0.1"),
        ("127.0.0.0/8", "https://[::1]"),
        ("[127.0.0.1", "https://127.0.0.1"),
    ],
)
def test_what_no_proxy_does_not_mean_is_asked_through_the_proxy(no_proxy: str, endpoint: str) -> None:
    assert proxied(endpoint, no_proxy)


@given(st.text(string.ascii_lowercase + string.digits + ".:/[]*%-,@ \t\u00e9\0", max_size=40))
def test_nothing_in_no_proxy_is_an_error(no_proxy: str) -> None:
    proxies = Proxies({"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy})
    for endpoint in (IMS, "https://127.0.0.1:8443", "https://[::1]"):
        assert str(proxies.of(endpoint)) in ("None", f"{PROXY} of HTTPS_PROXY")
    assert set(proxies.unreadable) <= set(no_proxy.replace(",", " ").split())


def test_entries_that_mean_nothing_are_told() -> None:
    entries = "10.0.0.0/99,[::1,fd00::/8,[x],a:b:c,ftp://x/y,fine.example"
    assert Proxies({"NO_PROXY": entries}).unreadable == ["10.0.0.0/99", "[::1", "[x]", "a:b:c", "ftp://x/y"]


@pytest.mark.parametrize(
    ("environment", "endpoint", "proxy"),
    [
        ({}, IMS, None),
        ({"HTTPS_PROXY": PROXY}, IMS, f"{PROXY} of HTTPS_PROXY"),
        ({"HTTPS_PROXY": "proxy.example.com:3128"}, IMS, f"{PROXY} of HTTPS_PROXY"),
        ({"HTTPS_PROXY": f" {PROXY} "}, IMS, f"{PROXY} of HTTPS_PROXY"),
        ({"HTTPS_PROXY": "https://proxy:1/"}, IMS, "https://proxy:1 of HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, IMS, "http://[fd00::1]:3128 of HTTPS_PROXY"),
        ({"HTTP_PROXY": PROXY}, IMS, None),
        ({"HTTP_PROXY": PROXY}, "http://ims.example", f"{PROXY} of HTTP_PROXY"),
        ({"ALL_PROXY": PROXY}, IMS, f"{PROXY} of ALL_PROXY"),
        ({"ALL_PROXY": "http://other", "HTTPS_PROXY": PROXY}, IMS, f"{PROXY} of HTTPS_PROXY"),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, IMS, f"{PROXY} of https_proxy"),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, IMS, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "", "NO_PROXY": "*"}, IMS, f"{PROXY} of HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://me:p8e-hidden@proxy:1"}, IMS, "http://proxy:1 of HTTPS_PROXY"),
    ],
)
def test_the_proxy_is_that_of_the_scheme_or_of_all(
    environment: dict[str, str], endpoint: str, proxy: str | None
) -> None:
    found = Proxies(environment).of(endpoint)
    assert (str(found) if found else None) == proxy
    assert "p8e-" not in f"{found} {found!r}"


@pytest.mark.parametrize(
    "value",
    [
        "socks5://proxy:1080",
        "socks://proxy",
        "ftp://proxy",
        "http://",
        "http://:3128",
        "http://a b",
        "http://proxy:x",
        "http://me:p8e-/x@proxy:1",
        "http://me/p8e-@proxy:1",
        "http://me:1#p8e-@proxy:1",
        "http://proxy:0",
        "http://proxy:99999",
        "proxy:3128:1",
        "//proxy",
        "http://[::1",
        "me:p8e-x@proxy://y",
    ],
)
def test_a_proxy_that_can_not_be_used_is_an_error_that_names_the_variable_and_no_password(value: str) -> None:
    for no_proxy in ("", "adobelogin.com"):
        with pytest.raises(ProxyError, match=r"http://proxy\.example\.com:3128$") as raised:
            Proxies({"HTTPS_PROXY": value, "NO_PROXY": no_proxy}).of(IMS)
        assert raised.value.variable == "HTTPS_PROXY"
        assert "p8e-" not in f"{raised.value!r} {raised.value.__cause__} {raised.value.__context__}"

"""What a client Secret holds: editors and shells add to it, and what can be no credential is said without its value."""

import base64
import re
import string
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adobe_ims_operator.kube.client_secret_value import Unusable, read_value, suspicion
from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
VALUES = st.text(PRINTABLE, min_size=1, max_size=64).filter(lambda text: text == text.strip())
AROUND = st.text(" \t\r\n\u00a0", max_size=3)


def stored(value: str | bytes) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()


@given(VALUES, AROUND, st.sampled_from(["", "\ufeff"]), AROUND, AROUND)
def test_what_editors_put_around_a_value_is_no_part_of_it(
    value: str, before: str, mark: str, between: str, after: str
) -> None:
    assert read_value(stored(before + mark + between + value + after), 1024) == value


@pytest.mark.parametrize("nothing", [None, "", stored(" \r\n"), stored("\ufeff"), stored("\ufeff \n")])
def test_nothing_but_white_space_is_no_value(nothing: str | None) -> None:
    assert read_value(nothing, 1024) is None


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("SECRET\u200b", "a zero-width space"),
        ("SECRET\x00", "a NUL"),
        ("SEC\x00RET", "a NUL"),
        ("SEC\nRET", "a line break"),
        ("SEC\r\nRET", "a line break"),
        ("SEC\tRET", "a tab"),
        ("SEC\x1bRET", "a control character"),
        ("SEC\u2060RET", "an invisible character"),
        ("SEC\u00adRET", "an invisible character"),
        ("SEC\u00a0RET", "a space outside of ASCII"),
        ("SEC\ufeffRET", "a byte order mark"),
        ("\u201cSECRET\u201d", "a curly quotation mark"),
        ("SECR\u00c9T", "a character outside of ASCII"),
        ("SECRET\U0001f511", "a character outside of ASCII"),
        ("SECRET\ufffd", "a character outside of ASCII"),
        (b"p8e-\xe9t\xe9", "bytes that are no UTF-8 text"),
        ("SECRET".encode("utf-16"), "UTF-16 text, where UTF-8 is needed,"),
        ("SECRET".encode("utf-16-le"), "UTF-16 text, where UTF-8 is needed,"),
        ("SECRET".encode("utf-16-be"), "UTF-16 text, where UTF-8 is needed,"),
        (b"\xfe\xff" + "SECRET".encode("utf-16-be"), "UTF-16 text, where UTF-8 is needed,"),
        ("S" * 1025, "more than 1024 bytes"),
        ("S" * 5000, "more than 1024 bytes"),
    ],
)
def test_what_no_credential_has_is_named_by_its_kind(value: str | bytes, what: str) -> None:
    assert read_value(stored(value), 1024) == Unusable(what)


@given(st.text(PRINTABLE, max_size=20), st.characters(exclude_characters=PRINTABLE), st.text(PRINTABLE, max_size=20))
def test_any_other_character_is_refused_and_no_message_repeats_it(before: str, odd: str, after: str) -> None:
    value = f"A{before}{odd}{after}Z"
    found = read_value(stored(value), 1024)
    assert isinstance(found, Unusable)
    assert odd not in found.what
    assert unicodedata.name(odd, "no name").lower() not in found.what or odd in "\ufeff"


@given(st.binary(max_size=200))
def test_whatever_bytes_there_are_they_are_ascii_or_refused(raw: bytes) -> None:
    found = read_value(stored(raw), 100)
    if isinstance(found, str):
        assert found.isascii()
        assert found.isprintable()
        assert len(found) <= 100


@pytest.mark.parametrize("text", [SAMPLE_CLIENT_ID, SAMPLE_CLIENT_SECRET, "x", "'", '"', "a'b'", "'a"])
def test_what_looks_right_is_not_suspected(text: str) -> None:
    assert suspicion(text) is None


@given(st.text(string.hexdigits.lower(), min_size=32, max_size=32))
def test_no_client_id_of_adobes_form_is_suspected(client_id: str) -> None:
    assert suspicion(client_id) is None


@pytest.mark.parametrize("quoted", ["'{}'", '"{}"', "`{}`"])
def test_quotes_around_a_value_are_suspected(quoted: str) -> None:
    assert suspicion(quoted.format(SAMPLE_CLIENT_SECRET)) == "stands in quotes"


def test_the_brackets_of_an_example_are_suspected() -> None:
    assert suspicion(f"<{SAMPLE_CLIENT_ID}>") == "stands in angle brackets"


@given(VALUES)
def test_a_value_that_was_encoded_twice_is_suspected(value: str) -> None:
    assume(len(value) > 6)
    assert suspicion(stored(value)) == suspicion(stored(f"{value}\n")) == "looks like base64 that was encoded twice"


LINE = re.compile(rb"[\x20-\x7e]++\s*+")


@given(st.lists(st.sampled_from([b" ", b"a", b"~", b"\n", b"\x80", b"\x1f", b"\x7f"]), min_size=4).map(b"".join))
def test_a_line_that_was_encoded_is_suspected_and_nothing_else(raw: bytes) -> None:
    assume(raw.strip() and len(raw) % 3)  # one without padding is taken for what it is
    suspected = suspicion(stored(raw)) is not None
    assert suspected == (len(raw) >= 7 and LINE.fullmatch(raw) is not None)


def test_the_worst_text_is_told_as_fast_as_any() -> None:
    text = stored(b" " * 2**21 + b"\x80\x80")
    code = "import sys; from adobe_ims_operator.kube.client_secret_value import suspicion; suspicion(sys.stdin.read())"
    # Hours where each space is tried as the last one.
    subprocess.run([sys.executable, "-c", code], input=text, text=True, check=True, timeout=60)

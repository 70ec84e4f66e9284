"""One value of a client Secret: decoded, or what keeps it from being a client id or a client secret.

A client id and a client secret are of the characters %x20-7E (RFC 6749, appendices A.1 and A.2). What came with them
from an editor, white space around them and a byte order mark before them, is no part of them. Nothing here repeats a
value.
"""

import base64
import re
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass

_KINDS = {
    "\0": "a NUL",
    "\t": "a tab",
    "\ufeff": "a byte order mark",
    "\u200b": "a zero-width space",
    **dict.fromkeys("\n\r\v\f\x85\u2028\u2029", "a line break"),
}
_CATEGORIES = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Zs": "a space outside of ASCII",
    "Pi": "a curly quotation mark",
    "Pf": "a curly quotation mark",
}
_QUOTES = ('""', "''", "``")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}){2,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@dataclass(frozen=True, slots=True)
class Unusable:
    """What a value has that no client id or client secret has, in words that follow "has"."""

    what: str


def read_value(encoded: str | None, longest: int) -> str | Unusable | None:
    """Decode a value of at most so many bytes; None where there is none, or nothing but white space."""
    too_long = Unusable(f"more than {longest} bytes")
    # Base64 has four characters for three bytes: twice the length leaves room for white space around the value.
    if encoded and len(encoded) > 2 * longest:
        return too_long
    try:
        raw = base64.b64decode(encoded or "")
    except ValueError:
        return Unusable("no base64")
    if _is_utf16(raw):
        return Unusable("UTF-16 text, where UTF-8 is needed,")
    try:
        text = raw.decode().strip().removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        return Unusable("bytes that are no UTF-8 text")
    if len(text.encode()) > longest:
        return too_long
    odd = next((character for character in text if not " " <= character <= "~"), None)
    return Unusable(_kind(odd)) if odd is not None else text or None


def suspicion(text: str) -> str | None:
    """What makes a value look as if it was not stored as it was given, in words that follow "the value"; or None."""
    if len(text) > 2 and text[0] + text[-1] in _QUOTES:
        return "stands in quotes"
    if len(text) > 2 and text[0] + text[-1] == "<>":
        return "stands in angle brackets"
    if _BASE64.fullmatch(text) and _is_line(base64.b64decode(text)):
        return "looks like base64 that was encoded twice"
    return None


def _is_line(raw: bytes) -> bool:
    """Whether it is printable ASCII, maybe with white space after it, as a line that was encoded is."""
    line = raw.rstrip()
    return line != b"" and line.isascii() and line.decode().isprintable()


def _is_utf16(raw: bytes) -> bool:
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return True
    halves = (raw[::2], raw[1::2])
    return len(raw) > 2 and len(raw) % 2 == 0 and any(half.count(0) == len(half) for half in halves)


def _kind(character: str) -> str:
    return _KINDS.get(character) or _CATEGORIES.get(unicodedata.category(character), "a character outside of ASCII")

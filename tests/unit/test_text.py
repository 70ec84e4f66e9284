"""Words that others wrote: those that are the same are one, none is kept forever, and all can be shown."""

import gc
import sys

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.text import LONGEST, printable, share
from adobe_ims_operator.core.finding import LONGEST_MESSAGE, Finding


def test_the_same_word_is_the_same_object() -> None:
    first, second = "".join(["Rot", "ated"]), "".join(["Rota", "ted"])
    assert first is not second
    assert share(first) is share(second)


def test_long_words_are_not_kept_and_the_oldest_short_ones_go() -> None:
    long, short = "x" * LONGEST + "y", "".join(["only", " here"])
    before = sys.getrefcount(long), sys.getrefcount(short)
    share(long)
    share(short)
    assert sys.getrefcount(long) == before[0]
    assert sys.getrefcount(short) > before[1]
    for number in range(5000):
        share(f"word {number}")
    gc.collect()
    assert sys.getrefcount(short) == before[1]


@given(st.text())
def test_text_that_is_shown_has_no_character_that_ends_a_line_or_moves_the_cursor(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert [c for c in shown if c != " "] == [c for c in text if c.isprintable() and c != " "]
    assert (shown == text) is text.isprintable()


@given(st.text(max_size=50), st.integers(0, 2 * LONGEST_MESSAGE))
def test_a_finding_is_printable_and_bounded_whatever_it_quotes(text: str, more: int) -> None:
    message = Finding(Reason.SPEC_INVALID, f"{text}\n\x1b[31m{'x' * more}").message
    assert message.isprintable()
    assert len(message) <= LONGEST_MESSAGE + len("...")

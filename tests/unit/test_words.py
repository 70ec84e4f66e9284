"""Words that are the same are one, and none is kept for ever."""

import gc
import sys

from adobe_ims_operator.api.words import LONGEST, share


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

"""Whether a text of an answer, which is to be kept or shown, repeats what is secret."""

TELLTALE = 8
"""So many characters in a row that were sent or received too are not there by chance."""


def repeats(text: str, *known: str) -> bool:
    """Whether a text has that many characters in a row of what is known, in capitals or not."""
    folded, texts = text.casefold(), [each.casefold() for each in known]
    pieces = [folded[start : start + TELLTALE] for start in range(len(folded) - TELLTALE + 1)]
    return any(piece in each for each in texts for piece in pieces)

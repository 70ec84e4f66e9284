"""The blocks of a page that a reader can run, marked by a comment on the line before them.

`<!-- run -->` is for a shell, `<!-- apply -->` a manifest, and `<!-- refused: TEXT -->` one that the API server must
refuse with that text. `<!-- run: NAME -->` needs something of that name to be there first.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from testbed.binaries import REPOSITORY

MARKED = re.compile(r"<!-- (run|apply|refused)(?:: (.+?))? -->\n```\w+\n(.*?)\n```", re.DOTALL)
MARK = re.compile(r"<!-- (?:run|apply|refused)\b")


@dataclass(frozen=True, slots=True)
class Block:
    line: int
    kind: str
    argument: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = [
        Block(text.count("\n", 0, each.start()) + 1, each[1], each[2] or "", each[3]) for each in MARKED.finditer(text)
    ]
    assert len(found) == len(MARK.findall(text)), f"{page}: a mark is not followed by a fenced block"
    return found


def marked_pages() -> list[str]:
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))]
    return [str(page.relative_to(REPOSITORY)) for page in pages if blocks(page)]

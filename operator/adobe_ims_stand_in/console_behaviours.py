"""The ways to spoil an answer of the console API; some do for the token endpoint too.

As in `behaviours`, to add one, write a class below: its fields are the fields of its JSON.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import uuid4

from adobe_ims_stand_in.answers import Answer, Ending
from adobe_ims_stand_in.kinds import LEFT_OUT, Altered, Behaviour, Usual, entering

BEHAVIOURS: dict[str, type[Behaviour]] = {}
"""Each by its name."""

_named = entering(BEHAVIOURS)


@_named("lost")
@dataclass(frozen=True, slots=True)
class Lost(Behaviour):
    """The deed is done, and its answer lost; with `after`, it is done so many seconds later.

    `how` it is lost: the connection dropped, no answer ever, or a gateway's 504.
    """

    how: Literal["reset", "hang", "error"] = "reset"
    after: float = 0

    def answer(self, usual: Usual, /) -> Answer:
        """Have the usual answer made, and send another."""
        if self.after <= 0:
            usual()
        later = (self.after, usual) if self.after > 0 else None
        if self.how == "reset":
            return Answer(label=self.name, ending=Ending.RESET, later=later)
        if self.how == "hang":
            return Answer(label=self.name, wait=math.inf, later=later)
        page = b"<!DOCTYPE html>\n<html><title>Gateway timeout</title></html>\n"
        return Answer(label=self.name, status=504, content_type="text/html", body=page, later=later)


@_named("field")
@dataclass(frozen=True, slots=True)
class Field(Altered):
    """A good answer with any JSON value in one field; without `value`, without that field."""

    key: str
    value: object = LEFT_OUT

    def _altered(self, usual: Answer) -> Answer:
        return self._with(usual, **{self.key: self.value})


@_named("entry")
@dataclass(frozen=True, slots=True)
class Entry(Altered):
    """A list with any JSON value in one field of its entries, or of the one at `index`; the oldest is 0."""

    key: str
    value: object = LEFT_OUT
    index: int | None = None

    def _altered(self, usual: Answer) -> Answer:
        entries = _entries(usual)
        if entries is None:
            return usual
        changed = [
            _changed(entry, self.key, self.value) if self.index in (None, position) else entry
            for position, entry in enumerate(entries)
        ]
        return self._with(usual, client_secrets=changed)


@_named("entries")
@dataclass(frozen=True, slots=True)
class Entries(Altered):
    """A list with its oldest entry twice, or with `more` entries that are of no client secret."""

    more: int = 0
    twice: bool = False

    def _altered(self, usual: Answer) -> Answer:
        entries = _entries(usual)
        if not entries:
            return usual
        strangers = [{**entries[-1], "uuid": str(uuid4())} for _ in range(self.more)]
        return self._with(usual, client_secrets=[*entries, *(entries[:1] if self.twice else []), *strangers])


@_named("reversed")
@dataclass(frozen=True, slots=True)
class Reversed(Altered):
    """A list with its newest entry first."""

    def _altered(self, usual: Answer) -> Answer:
        entries = _entries(usual)
        return usual if entries is None else self._with(usual, client_secrets=entries[::-1])


@_named("body")
@dataclass(frozen=True, slots=True)
class Body(Altered):
    """The usual answer, the deed done, with another body: any text."""

    text: str

    def _altered(self, usual: Answer) -> Answer:
        return replace(usual, label=self.name, body=self.text.encode())


def _entries(usual: Answer) -> list[dict[str, Any]] | None:
    entries = usual.body.get("client_secrets") if isinstance(usual.body, Mapping) else None
    return entries if isinstance(entries, list) else None


def _changed(entry: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    return {name: each for name, each in {**entry, key: value}.items() if each is not LEFT_OUT}

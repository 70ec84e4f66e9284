"""The two kinds of behaviours: an answer of its own, or the usual one with something changed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import ClassVar

from adobe_ims_stand_in.answers import Answer

Usual = Callable[[], Answer]

LEFT_OUT: object = object()
"""In place of a value: the field is not there at all, as null is a value too."""


@dataclass(frozen=True, slots=True)
class Behaviour(ABC):
    """One way to answer; `name` is what a rule calls it."""

    name: ClassVar[str]

    @abstractmethod
    def answer(self, usual: Usual, /) -> Answer:
        """Answer one request, to which `usual()` would be the answer without this behaviour."""


@dataclass(frozen=True, slots=True)
class Instead(Behaviour):
    """An answer of its own: the usual one is never made, so no token is issued."""

    def answer(self, _usual: Usual, /) -> Answer:
        """Answer as `_instead` says."""
        return self._instead()

    @abstractmethod
    def _instead(self) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Altered(Behaviour):
    """The usual answer, refusals too, with something about it changed."""

    def answer(self, usual: Usual, /) -> Answer:
        """Answer as `_altered` says."""
        return self._altered(usual())

    @abstractmethod
    def _altered(self, usual: Answer) -> Answer: ...

    def _with(self, usual: Answer, **fields: object) -> Answer:
        """Change fields of a good answer's JSON; a refusal stays what it is."""
        if usual.status != HTTPStatus.OK or not isinstance(usual.body, Mapping):
            return usual
        body = {name: value for name, value in {**usual.body, **fields}.items() if value is not LEFT_OUT}
        return replace(usual, label=self.name, body=body)

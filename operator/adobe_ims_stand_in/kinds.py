"""The two kinds of behaviours: an answer of its own, or the usual one with something changed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import ClassVar, TypeVar

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


B = TypeVar("B", bound=type[Behaviour])


def entering(table: dict[str, type[Behaviour]]) -> Callable[[str], Callable[[B], B]]:
    """Make the decorator that names a behaviour and enters it into a table."""

    def named(name: str) -> Callable[[B], B]:
        def enter(behaviour: B) -> B:
            behaviour.name = name
            table[name] = behaviour
            return behaviour

        return enter

    return named


def apply(behaviours: Iterator[Behaviour], usual: Usual) -> Answer:
    """Answer as the first of the behaviours does, to which the next ones make the usual answer."""
    behaviour = next(behaviours, None)
    return usual() if behaviour is None else behaviour.answer(lambda: apply(behaviours, usual))


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
        if usual.status not in (HTTPStatus.OK, HTTPStatus.CREATED) or not isinstance(usual.body, Mapping):
            return usual
        body = {name: value for name, value in {**usual.body, **fields}.items() if value is not LEFT_OUT}
        return replace(usual, label=self.name, body=body)

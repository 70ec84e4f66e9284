"""Which requests are answered otherwise than usual: rules in order, and how often each still holds."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adobe_ims_stand_in import behaviours, console_behaviours
from adobe_ims_stand_in.jsonvalues import MalformedError, build
from adobe_ims_stand_in.kinds import Behaviour

BEHAVIOURS = {**behaviours.BEHAVIOURS, **console_behaviours.BEHAVIOURS}

Kind = Literal["token", "list", "add", "delete"]
"""Of a request: for a token, or of the console API."""

SEED = 0
"""For the fractions: the same rules and the same order of requests give the same answers."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which requests, for whom and how often: None for all or forever, `fraction` of 0 to 1.

    `request` "console" is all of list, add and delete. `org_id` "" is for requests without one. `uuid` is of the
    client secret that a token is asked with, or that is deleted.
    """

    request: Literal["token", "list", "add", "delete", "console"] = "token"
    client_id: str | None = None
    uuid: str | None = None
    org_id: str | None = None
    times: int | None = None
    fraction: float = 1

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if not 0 <= self.fraction <= 1:
            raise MalformedError("fraction must be from 0 to 1")
        if self.times is not None and self.times < 0:
            raise MalformedError("times must not be negative")


@dataclass(frozen=True, slots=True)
class Rule:
    """A behaviour and its scope; in JSON one flat object, {"behaviour": "slow", "seconds": 2, "times": 3}."""

    behaviour: Behaviour
    scope: Scope = Scope()

    @classmethod
    def from_json(cls, given: object) -> "Rule":
        """Raise MalformedError for anything that is not a rule."""
        if not isinstance(given, dict) or "behaviour" not in given:
            raise MalformedError('a rule is a JSON object with "behaviour"')
        name = given["behaviour"]
        if not isinstance(name, str) or name not in BEHAVIOURS:
            raise MalformedError(f"no behaviour {name!r}; there are: {', '.join(BEHAVIOURS)}")
        names_of_scope = Scope.__dataclass_fields__.keys()
        scope = {key: value for key, value in given.items() if key in names_of_scope}
        own = {key: value for key, value in given.items() if key not in names_of_scope | {"behaviour"}}
        return cls(build(BEHAVIOURS[name], own, what=name), build(Scope, scope, what=name))


class RuleBook:
    """The rules in force, with what is left of their `times`."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._left = [rule.scope.times for rule in rules]
        self._random = random.Random(SEED)  # noqa: S311 # repeatable is what is wanted here

    def applying_to(self, kind: Kind, client_id: str, org_id: str = "", uuid: str = "") -> Iterator[Behaviour]:
        """Give the behaviours for one request, first rule first; those not taken are not used up."""
        for position, rule in enumerate(self._rules):
            left = self._left[position]
            scope = rule.scope
            if left == 0 or not _covers(scope, kind, (client_id, org_id, uuid)):
                continue
            if self._random.random() >= rule.scope.fraction:
                continue
            self._left[position] = None if left is None else left - 1
            yield rule.behaviour


def _covers(scope: Scope, kind: Kind, about: tuple[str, str, str]) -> bool:
    kinds = ("list", "add", "delete") if scope.request == "console" else (scope.request,)
    wanted = (scope.client_id, scope.org_id, scope.uuid)
    return kind in kinds and all(want in (None, have) for want, have in zip(wanted, about, strict=True))

"""JSON from the control API into frozen dataclasses, so that a typing mistake is refused, not ignored."""

from dataclasses import MISSING, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


class MalformedError(ValueError):
    """JSON that is not what was asked for; the message says what would be."""


def build(kind: type[T], given: object, *, what: str) -> T:
    """Make an instance of the dataclass `kind` from a JSON object whose keys are its fields.

    `what` names the thing in messages. Raises MalformedError.
    """
    if not isinstance(given, dict):
        raise MalformedError(f"{what}: must be a JSON object")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type] # any dataclass will do
    hints = get_type_hints(kind)
    for name, value in given.items():
        if name not in known:
            raise MalformedError(f"{what}: no field {name!r}; there are: {', '.join(known) or 'none'}")
        if not _fits(value, hints[name]):
            raise MalformedError(f"{what}: {name} must be {_name_of(hints[name])}, not {value!r}")
    for name, field in known.items():
        if name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise MalformedError(f"{what}: {name} is missing")
    return kind(**given)


def _fits(value: object, hint: Any) -> bool:
    if hint is object:
        return True
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    accepted = get_args(hint) or (hint,)
    if isinstance(value, bool):  # bool is an int to isinstance, but not in JSON
        return bool in accepted
    return isinstance(value, accepted) or (float in accepted and isinstance(value, int))


def _name_of(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    names = {"NoneType": "null", "str": "a string", "int": "a whole number", "float": "a number"}
    accepted = [accepted.__name__ for accepted in get_args(hint) or (hint,)]
    return " or ".join(names.get(name, name) for name in accepted)

"""What is said of an object that does not fit the CRD, and what can still be read of it; always short."""

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from adobe_ims_operator.api.rules import DnsName

ADVICE = "correct it, and install the CRD of this version of the operator"
LONGEST_PROBLEM = 1024
"""Characters of what is said; it may name a key of any length."""

_DNS_NAME: TypeAdapter[str] = TypeAdapter(DnsName)


def explain(error: Exception, *within: str) -> str:
    """Say what is wrong with which field, without its value.

    Args:
        within: the fields that hold what was read.
    """
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in (*within, *first["loc"]))
        said = f"{where}: {first['msg'].removeprefix('Value error, ')}"
    else:
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return said if len(said) <= LONGEST_PROBLEM else f"{said[:LONGEST_PROBLEM]}..."


def legible_name(of: object, default: str) -> str:
    """Read the field `name` where it is the name of an object."""
    try:
        return _DNS_NAME.validate_python(of.get("name", default) if isinstance(of, Mapping) else default)
    except ValidationError:
        return default


def full_name(body: Mapping[str, object]) -> str:
    """Read the namespace and name of an object, whatever else it is."""
    metadata = body.get("metadata")
    found = metadata if isinstance(metadata, Mapping) else {}
    return f"{found.get('namespace')}/{found.get('name')}"

"""Where the token of a credential comes from, and who else may have it: `client`, `tokenFrom` and `sharedWith`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AliasPath, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from adobe_ims_operator.api.malformed import explain
from adobe_ims_operator.api.rules import DnsName, NamespaceName, Organization, SecretKey, list_of

_AS_IN_JSON = ConfigDict(alias_generator=to_camel)
MAX_SHARED = 1000
"""Namespaces that one credential shares its token with."""


@dataclass(frozen=True, slots=True)
class ClientRef:
    """Where the client id and the client secrets are: keys of a Secret in the same namespace."""

    __pydantic_config__ = _AS_IN_JSON

    secret_name: Annotated[DnsName, Field(validation_alias=AliasPath("secretRef", "name"))]
    id_key: SecretKey = "client_id"
    secret_keys: Annotated[tuple[SecretKey, ...], list_of(1, 5)] = ("client_secret",)
    organization_id: Organization | None = None
    """For which organization a client of several asks."""


@dataclass(frozen=True, slots=True)
class TokenFrom:
    """The credential whose token is taken, of whichever namespace: it must share it."""

    namespace: NamespaceName
    name: DnsName


@dataclass(frozen=True, slots=True)
class SharedWith:
    """Who may take the token: the credentials of these namespaces."""

    namespaces: Annotated[tuple[NamespaceName, ...], list_of(0, MAX_SHARED)]


NOBODY = SharedWith(())


def parse_source(spec: Mapping[str, Any]) -> ClientRef | TokenFrom:
    """Read where the token of a spec comes from.

    Raises:
        ValueError: it does not say that, or in two ways.
    """
    client, token_from = spec.get("client"), spec.get("tokenFrom")
    try:
        if token_from is None:
            return _CLIENT.validate_python(client) if client is not None else _no_source()
        others = [field for field in ("client", "endpoint", "sharedWith") if spec.get(field) is not None]
        if others:
            raise ValueError(f"{others[0]}: may not be set together with tokenFrom")
        return _TOKEN_FROM.validate_python(token_from)
    except ValidationError as error:
        raise ValueError(explain(error, "client" if token_from is None else "tokenFrom")) from None


def _no_source() -> ClientRef:
    raise ValueError("client: Field required, unless tokenFrom names the credential whose token is taken")


_CLIENT = TypeAdapter(ClientRef)
_TOKEN_FROM = TypeAdapter(TokenFrom)

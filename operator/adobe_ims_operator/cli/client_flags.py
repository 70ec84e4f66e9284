"""A client to be tried: what a spec says of it, or the flags that say the same where there is no credential."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.cli.flags import with_flags

F = TypeVar("F", bound=Callable[..., Any])
SCOPES = ("openid", "AdobeID", "read_organizations")
GO_WITH_CLIENT_SECRET = ("id_key", "secret_keys", "organization_id", "endpoint", "scopes")


@dataclass(frozen=True, slots=True)
class Tried:
    """The client of a Secret, and what it is to ask where."""

    ref: ClientRef
    scopes: Sequence[str]
    endpoint: str | None
    """As in a spec; None for the operator's default."""


def client_options(command: F) -> Callable[..., Any]:
    """Add --client-secret and the flags that go with it, and give the command a `tried` for them, or None."""

    @wraps(command)
    def with_client(
        *, client_secret: str | None, id_key: str, secret_keys: Sequence[str], organization_id: str | None,
        endpoint: str | None, scopes: Sequence[str], **rest: Any,
    ) -> Any:  # fmt: skip
        if client_secret is None:
            _refuse_what_does_nothing(click.get_current_context())
            return command(tried=None, **rest)
        ref = ClientRef(client_secret, id_key, tuple(secret_keys), organization_id)
        return command(tried=Tried(ref, scopes, endpoint), **rest)

    return with_flags(
        with_client,
        click.option("--client-secret", metavar="SECRET", help="Try the client in this Secret, without a credential."),
        click.option(
            "--id-key", default="client_id", show_default=True, help="With --client-secret: as in spec.client.",
        ),
        click.option(
            "--secret-key", "secret_keys", multiple=True, default=("client_secret",), show_default=True,
            help="With --client-secret: as in spec.client.secretKeys; may be repeated.",
        ),
        click.option("--organization-id", help="With --client-secret: as in spec.client."),
        click.option("--endpoint", metavar="URL", help="With --client-secret: as in spec.endpoint."),
        click.option(
            "--scope", "scopes", multiple=True, default=SCOPES, show_default=True,
            help="With --client-secret: as in spec.scopes; may be repeated.",
        ),
    )  # fmt: skip


def _refuse_what_does_nothing(context: click.Context) -> None:
    for each in context.command.params:
        given = context.get_parameter_source(str(each.name)) is ParameterSource.COMMANDLINE
        if given and each.name in GO_WITH_CLIENT_SECRET:
            raise click.UsageError(
                f"{each.opts[0]} goes with --client-secret: a credential has it in its spec, and run's after --"
            )

"""The command `adobe-ims-stand-in`: flags and environment into a running stand-in."""

import asyncio
import json
import logging
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import click

from adobe_ims_stand_in import ims, server
from adobe_ims_stand_in.defaults import (
    EXPIRES_IN,
    SAMPLE_CLIENT_ID,
    SAMPLE_CLIENT_SECRET,
    SAMPLE_CREDENTIAL,
    SAMPLE_ORGANIZATION,
    SCOPES,
)

_LOOPBACK = "127.0.0.1"
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 # compared with, not listened on


def _pairs(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = tuple((client_id, secret) for client_id, _, secret in (text.partition("=") for text in given))
    if not all(client_id and secret for client_id, secret in pairs):
        raise click.BadParameter("write ID=SECRET")  # without the value: it may be a secret
    return pairs


def _triples(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    triples = tuple(
        (*ids.partition("/")[::2], client_id) for ids, _, client_id in (text.partition("=") for text in given)
    )
    if not all(organization and credential and client_id for organization, credential, client_id in triples):
        raise click.BadParameter("write ORGANIZATION/CREDENTIAL=ID")
    return triples


class _PortOption(click.Option):
    """Leaves the variable ADOBE_IMS_STAND_IN_PORT alone where it is not ours.

    In pods beside a Service of that name Kubernetes sets it to tcp://... (docker links, enableServiceLinks).
    """

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        value = super().resolve_envvar_value(ctx)
        return None if value is None or value.startswith("tcp://") else value


@dataclass(frozen=True, slots=True)
class Options:
    """The flags of `run`, as click gives them."""

    host: str
    port: int
    tls_name: tuple[str, ...]
    tls_dir: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    http: bool
    client: tuple[tuple[str, str], ...]
    credential: tuple[tuple[str, str, str], ...]
    scopes: str
    expires_in: int
    latency: float
    acceptance_delay: float
    last_used_lag: float
    invalid_client_status: Literal["400", "401"]
    state: Path | None
    control_port: int | None
    control_host: str

    def __post_init__(self) -> None:
        """Refuse flags that contradict each other."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise click.UsageError("--tls-cert and --tls-key go together")
        if self.tls_cert and (self.tls_dir or self.tls_name):
            raise click.UsageError("--tls-cert is a certificate of your own: leave out --tls-dir and --tls-name")
        if self.http and (self.tls_cert or self.tls_dir or self.tls_name):
            raise click.UsageError("--http is without TLS: leave out the --tls flags")

    def clients(self) -> dict[str, list[str]]:
        """Gather the client secrets of each client id."""
        secrets: dict[str, list[str]] = {}
        for client_id, secret in self.client:
            secrets.setdefault(client_id, []).append(secret)
        return secrets

    def credentials(self) -> dict[tuple[str, str], str]:
        """Give the client id of each credential, by the ids of organization and credential."""
        return {(organization, credential): client_id for organization, credential, client_id in self.credential}

    def names(self) -> tuple[str, ...]:
        """Give what the certificate is for: as given, or what reaches a server on this host."""
        own = () if self.host in _ANYWHERE else (self.host,)
        return self.tls_name or tuple(dict.fromkeys(("localhost", _LOOPBACK, *own)))

    def name(self) -> str:
        """Give the host in the URL: one a client can connect to."""
        return self.names()[0] if self.host in _ANYWHERE else self.host


@click.group()
@click.version_option(package_name="adobe-ims-operator")
def main() -> None:
    """Answer like Adobe IMS, to try the operator without an Adobe account."""


_option = partial(click.option, show_default=True, show_envvar=True)
_port = click.IntRange(0, 65535)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.command(context_settings={"auto_envvar_prefix": "ADOBE_IMS_STAND_IN"})
@_option("--host", default=_LOOPBACK, help="Address to listen on.")
@_option("--port", cls=_PortOption, type=_port, default=8443, help="Port to listen on; 0 takes any free one.")
@_option(
    "--tls-name",
    multiple=True,
    help="Name in the certificate; repeatable. [default: localhost, 127.0.0.1, --host]",
)
@_option(
    "--tls-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for ca.crt and the rest; kept for the next start. [default: one that goes with the process]",
)
@_option("--tls-cert", type=_file, help="PEM file: serve this certificate instead of making one.")
@_option("--tls-key", type=_file, help="PEM file: its private key.")
@_option("--http", is_flag=True, help="Plain HTTP, no TLS.")
@_option(
    "--client",
    callback=_pairs,
    metavar="ID=SECRET",
    multiple=True,
    default=[f"{SAMPLE_CLIENT_ID}={SAMPLE_CLIENT_SECRET}"],
    help="A client id and secret; repeatable. The same id again adds a second secret.",
)
@_option(
    "--credential",
    callback=_triples,
    metavar="ORGANIZATION/CREDENTIAL=ID",
    multiple=True,
    default=[f"{SAMPLE_ORGANIZATION}/{SAMPLE_CREDENTIAL}={SAMPLE_CLIENT_ID}"],
    help="A client that may manage its client secrets, by the ids of the Developer Console; repeatable.",
)
@_option("--scopes", default=",".join(SCOPES), help="Scopes every client may ask for, comma-separated.")
@_option("--expires-in", type=click.IntRange(min=1), default=EXPIRES_IN, help="Lifetime of a token, in seconds.")
@_option("--latency", type=click.FloatRange(min=0), default=0.0, help="Seconds before each answer.")
@_option(
    "--acceptance-delay",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Seconds before a client secret that was added is accepted.",
)
@_option(
    "--last-used-lag",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Seconds before a list of client secrets shows a use.",
)
@_option("--invalid-client-status", type=click.Choice(["400", "401"]), default="400", help="IMS answers either.")
@_option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps the client secrets, values too, from the end to the next start. [default: none]",
)
@_option(
    "--control-port",
    type=_port,
    help="Port of the control API, plain HTTP; 0 takes any free one. [default: off]",
)
@_option("--control-host", default=_LOOPBACK, help="Address of the control API, open to all who reach it.")
def run(**flags: Any) -> None:
    """Serve until SIGTERM or SIGINT; the first line on stdout says where, as JSON."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _serve(Options(**flags))


def _serve(options: Options) -> None:
    settings = ims.Settings(
        options.expires_in,
        options.latency,
        401 if options.invalid_client_status == "401" else 400,
        acceptance_delay=options.acceptance_delay,
        last_used_lag=options.last_used_lag,
    )
    scopes = frozenset(scope.strip() for scope in options.scopes.split(","))
    control = None
    if options.control_port is not None:
        control = server.Listener(options.control_host, options.control_port, options.control_host)
    with ExitStack() as stack:
        try:
            tls, ca = (None, None) if options.http else _tls(options, stack)
            known = ims.IMS(options.clients(), scopes, settings, options.credentials())
            stack.enter_context(_kept(known, options.state))
            endpoint = server.Listener(options.host, options.port, options.name(), tls)
            asyncio.run(server.serve(known, endpoint, control, ca))
        except OSError as error:
            raise click.ClickException(f"cannot start: {error}") from error


@contextmanager
def _kept(known: ims.IMS, state: Path | None) -> Iterator[None]:
    """Take the client secrets up from a file, and leave them there at the end."""
    try:
        if state is not None and state.exists():
            known.client_secrets.restore(json.loads(state.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise click.ClickException(f"{state} holds no state of a stand-in; remove it") from error
    yield
    if state is not None:
        state.touch(mode=0o600)
        state.write_text(json.dumps(known.client_secrets.to_json()))


def _tls(options: Options, stack: ExitStack) -> tuple[ssl.SSLContext, str | None]:
    """Return what to serve https with, and the path of the authority if it is our own."""
    try:
        # Not at the top: plain http does without the extra, and without it the command must say so.
        from adobe_ims_stand_in import certificates  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"{missing.name} is not installed, which only --http does without: "
            "pip install 'adobe-ims-operator[stand-in]'"
        ) from missing
    try:
        if options.tls_cert and options.tls_key:
            certificate = certificates.ServerCertificate(options.tls_cert, options.tls_key, ca=None)
        else:
            folder = options.tls_dir or stack.enter_context(TemporaryDirectory(prefix="adobe-ims-stand-in-"))
            certificate = certificates.issue(Path(folder), options.names())
        return certificate.context(), str(certificate.ca.resolve()) if certificate.ca else None
    except certificates.CertificateError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()

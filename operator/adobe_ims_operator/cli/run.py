"""The command `adobe-ims-operator run`: flags, their environment variables, and exit codes."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import uvloop

from adobe_ims_operator.adobe.console_endpoint import ADOBE_CONSOLE
from adobe_ims_operator.adobe.endpoints import ADOBE
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cli.console_flags import read_console
from adobe_ims_operator.cli.ims_flags import read_reach
from adobe_ims_operator.cli.selector import label_selector
from adobe_ims_operator.core.forbidden_metadata import Forbidden, ForbiddenError
from adobe_ims_operator.kube.login import POD_NAMESPACE, NoClusterError
from adobe_ims_operator.manager import logs
from adobe_ims_operator.manager.certificate import Certificate, CertificateError
from adobe_ims_operator.manager.garbage import spare_the_collector
from adobe_ims_operator.manager.options import Options
from adobe_ims_operator.manager.ports import Ports
from adobe_ims_operator.manager.process import run as run_operator
from adobe_ims_operator.manager.serving import PortTakenError

_NAMESPACE = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile("[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


def _env(name: str) -> str:
    return f"ADOBE_IMS_OPERATOR_{name}"


def _namespaces(_context: click.Context, _parameter: click.Parameter, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if _NAMESPACE.fullmatch(name) is None:
            raise click.BadParameter(f"{name!r} is not a namespace; repeat the flag to name several")
    return tuple(dict.fromkeys(names))


def _name(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and _NAME.fullmatch(name) is None:
        raise click.BadParameter(f"{name!r} is not a name; write it with small letters, digits and hyphens")
    return name


def _lease(name: str, namespace: str | None) -> Key:
    if namespace is None:
        try:
            namespace = POD_NAMESPACE.read_text().strip()
        except OSError:
            raise click.UsageError("--leader-elect outside a pod needs --lease-namespace") from None
    return Key(namespace, name)


def _ports(metrics: int, health: int, chain: Path | None, key: Path | None, *, guarded: bool) -> Ports:
    if (chain is None) != (key is None):
        raise click.UsageError("--metrics-cert-file and --metrics-key-file belong together; give both or none")
    if chain is None or key is None:
        if guarded:
            raise click.UsageError(
                "--metrics-auth without TLS would have tokens sent in the clear; add --metrics-cert-file and "
                "--metrics-key-file"
            )
        return Ports(metrics, health)
    if metrics == health:
        raise click.UsageError(f"--metrics-port and --health-port are both {health}; kubelet needs a port without TLS")
    try:
        return Ports(metrics, health, Certificate(chain, key), guarded)
    except CertificateError as error:
        raise click.BadParameter(str(error), param_hint="--metrics-cert-file") from error


def _forbidden(_context: click.Context, _parameter: click.Parameter, patterns: Sequence[str]) -> Forbidden:
    try:
        return Forbidden.parse(patterns)
    except ForbiddenError as error:
        raise click.BadParameter(str(error)) from error


def _finite(_context: click.Context, _parameter: click.Parameter, number: float) -> float:
    if not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a rate; write it like 50")
    return number


@click.command(context_settings={"show_default": True})
@click.option(
    "--namespace", "namespaces", multiple=True, metavar="NS", envvar=_env("NAMESPACE"), callback=_namespaces,
    help="Watch this namespace only; may be repeated.  [default: all namespaces]",
)  # fmt: skip
@click.option(
    "--selector", metavar="LABELS", envvar=_env("SELECTOR"), callback=label_selector,
    help="Watch only credentials and AdobeIMSClientSecrets with these labels, written as for kubectl -l.",
)  # fmt: skip
@click.option(
    "--endpoint", "endpoints", multiple=True, metavar="URL", envvar=_env("ENDPOINT"), default=ADOBE,
    help="An IMS that client secrets may be sent to; may be repeated, and the first is the default of spec.endpoint.",
)  # fmt: skip
@click.option(
    "--allow-http-endpoint", is_flag=True, envvar=_env("ALLOW_HTTP_ENDPOINT"),
    help="Let an endpoint be http, which sends secrets in the clear: for tests.",
)  # fmt: skip
@click.option(
    "--allow-management-scopes", "management_scopes", is_flag=True, envvar=_env("ALLOW_MANAGEMENT_SCOPES"),
    help="Ask for the scopes read_client_secret and manage_client_secrets too, whose token can replace the secrets of "
    "its client.",
)  # fmt: skip
@click.option(
    "--forbid", multiple=True, metavar="WHAT", envvar=_env("FORBID"), default=("default",), callback=_forbidden,
    help="What no token Secret may be made with: label:KEY, label:KEY=VALUE, annotation:KEY, annotation:KEY=VALUE or "
    "type:TYPE, with * at the end of KEY or TYPE for all that begin so; may be repeated. `default` stands for those by "
    "which other controllers take a Secret for their own, and `none` for nothing.",
)  # fmt: skip
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=32, envvar=_env("CONCURRENCY"),
    help="How many tokens are asked for at once for one namespace, of each endpoint, and how many of its credentials "
    "are looked at at once; in all a third more, which one namespace alone leaves to the others. What takes more than "
    "half a second counts no more. As many again are asked for where an endpoint throttles clients.",
)  # fmt: skip
@click.option(
    "--ims-qps", type=click.FloatRange(0.01, 10_000), default=50.0, envvar=_env("IMS_QPS"), callback=_finite,
    help="How many tokens are asked for in a second, for each endpoint; after a pause, those of one second at once.",
)  # fmt: skip
@click.option(
    "--max-credentials-per-namespace", "max_credentials", type=click.IntRange(0, 1_000_000), default=0,
    envvar=_env("MAX_CREDENTIALS_PER_NAMESPACE"),
    help="How many credentials of one namespace are served, the oldest first; 0 for any number.",
)  # fmt: skip
@click.option(
    "--ims-ca-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), envvar=_env("IMS_CA_FILE"),
    help="A PEM file with authorities to trust for IMS and the console API, beside the usual ones.",
)  # fmt: skip
@click.option(
    "--client-secrets", is_flag=True, envvar=_env("CLIENT_SECRETS"),
    help="Serve AdobeIMSClientSecrets, which replace OAuth client secrets by Adobe's console API. That was never tried "
    "against Adobe itself.",
)  # fmt: skip
@click.option(
    "--console-endpoint", metavar="URL", default=ADOBE_CONSOLE, envvar=_env("CONSOLE_ENDPOINT"),
    help="The console API, the only place that tokens may be sent to which can replace client secrets. For "
    "--client-secrets.",
)  # fmt: skip
@click.option(
    "--leader-elect", is_flag=True, envvar=_env("LEADER_ELECT"),
    help="Work only while this replica holds a Lease, so that there may be several.",
)  # fmt: skip
@click.option(
    "--lease-name", metavar="NAME", default="adobe-ims-operator", envvar=_env("LEASE_NAME"), callback=_name,
    help="The Lease's name; operators with other credentials need another.",
)  # fmt: skip
@click.option(
    "--lease-namespace", metavar="NS", envvar=_env("LEASE_NAMESPACE"), callback=_name,
    help="The Lease's namespace.  [default: the pod's]",
)  # fmt: skip
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), default=8080, envvar=_env("METRICS_PORT"),
    help="Serve /metrics on this port; 0 does not.",
)  # fmt: skip
@click.option(
    "--metrics-cert-file", type=click.Path(dir_okay=False, path_type=Path), envvar=_env("METRICS_CERT_FILE"),
    help="A PEM file with the certificate chain to serve /metrics with by HTTPS; it is read again when it changes.",
)  # fmt: skip
@click.option(
    "--metrics-key-file", type=click.Path(dir_okay=False, path_type=Path), envvar=_env("METRICS_KEY_FILE"),
    help="A PEM file with the key of that certificate.",
)  # fmt: skip
@click.option(
    "--metrics-auth", is_flag=True, envvar=_env("METRICS_AUTH"),
    help="Serve /metrics only to those who may get it as the API server says: the bearer token by a TokenReview, the "
    "nonResourceURL /metrics by a SubjectAccessReview. Needs the two files.",
)  # fmt: skip
@click.option(
    "--health-port", type=click.IntRange(0, 65535), default=8081, envvar=_env("HEALTH_PORT"),
    help="Serve /livez and /readyz on this port; 0 does not.",
)  # fmt: skip
@click.option(
    "--log-format", type=click.Choice(logs.FORMATS), default="json", envvar=_env("LOG_FORMAT"),
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(logs.LEVELS), default="info", envvar=_env("LOG_LEVEL"),
)  # fmt: skip
def run(log_format: str, log_level: str, **flags: Any) -> None:
    """Run the operator until SIGTERM or Ctrl-C.

    It finds the cluster by KUBECONFIG, by the service account of its pod, or in ~/.kube/config. Each flag may also be
    given as an environment variable ADOBE_IMS_OPERATOR_..., in capitals; where a flag may be repeated, with spaces in
    between.
    """
    logs.set_up(log_format, log_level)
    options = read_options(**flags)
    spare_the_collector()
    try:
        uvloop.run(run_operator(options))
    except (NoClusterError, PortTakenError) as error:
        raise click.ClickException(str(error)) from error


def read_options(
    *,
    namespaces: Sequence[str],
    selector: str | None,
    endpoints: Sequence[str],
    allow_http_endpoint: bool,
    management_scopes: bool,
    forbid: Forbidden,
    concurrency: int,
    ims_qps: float,
    max_credentials: int,
    ims_ca_file: Path | None,
    client_secrets: bool,
    console_endpoint: str,
    leader_elect: bool,
    lease_name: str,
    lease_namespace: str | None,
    metrics_port: int,
    metrics_cert_file: Path | None,
    metrics_key_file: Path | None,
    metrics_auth: bool,
    health_port: int,
) -> Options:
    """Check what the flags say together."""
    ims = read_reach(
        endpoints, allow_http=allow_http_endpoint, management_scopes=management_scopes, ca_file=ims_ca_file
    )
    console = read_console(
        enabled=client_secrets, endpoint=console_endpoint, allow_http=allow_http_endpoint, proxies=ims.proxies
    )
    lease = _lease(lease_name, lease_namespace) if leader_elect else None
    return Options(
        ims.endpoints,
        ims.trust,
        ims.proxies,
        forbid,
        tuple(namespaces),
        selector,
        concurrency,
        ims_qps,
        max_credentials or None,
        lease,
        _ports(metrics_port, health_port, metrics_cert_file, metrics_key_file, guarded=metrics_auth),
        console,
    )

"""The settings of `run`, for a command that looks at the world from where `run` does.

They are read by the flags and variables of `run` itself: the flags stand after `--`, or are those that the first
process of the operator's pod was started with, where a command comes by `kubectl exec` and shares its variables.
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.proxies import Proxies
from adobe_ims_operator.cli.console_flags import read_console
from adobe_ims_operator.cli.ims_flags import read_reach
from adobe_ims_operator.cli.run import run
from adobe_ims_operator.core.forbidden_metadata import Forbidden
from adobe_ims_operator.kube.login import POD_NAMESPACE

FIRST_PROCESS = Path("/proc/1/cmdline")
IN_POD = "kubectl -n adobe-ims-operator exec deploy/adobe-ims-operator -- adobe-ims-operator check"
_SEPARATOR = "--"
_FLAGS = f"{__name__}.flags"


@dataclass(frozen=True, slots=True)
class Settings:
    """What `run` would work with."""

    endpoints: Endpoints
    trust: ssl.SSLContext
    proxies: Proxies
    console_endpoint: str | None
    """None where AdobeIMSClientSecrets are left alone."""
    forbidden: Forbidden
    namespaces: tuple[str, ...]
    """Those that are watched; none for all."""
    selector: str | None
    leader_elect: bool
    lease_name: str
    lease_namespace: str | None
    """None where it is not known from here."""
    metrics_auth: bool
    known: bool
    """Whether they are an operator's: of the one in this pod, or as somebody says."""
    in_pod: bool
    """Whether the network and the proxy here are those of a pod, as the operator's are."""
    source: str
    """Where they come from, in words."""


class BesideRun(click.Command):
    """A command after whose flags, behind `--`, those may follow that the operator is started with."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Keep the flags of `run` aside."""
        if _SEPARATOR in args:
            at = args.index(_SEPARATOR)
            context.meta[_FLAGS] = args[at + 1 :]
            args = args[:at]
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            if any(error.option_name in each.opts for each in run.params):
                what = f"{error.option_name} is a flag of run; put the flags that the operator is started with after --"
                raise click.UsageError(what, context) from None
            raise

    def collect_usage_pieces(self, context: click.Context) -> list[str]:
        """What may stand on the command line, for its help."""
        return [*super().collect_usage_pieces(context), "[-- FLAGS OF RUN]"]


def flags_of(command_line: bytes) -> Sequence[str] | None:
    """The flags of `run` in the command line of a process, as /proc has it; None where it is another process."""
    words = [word.decode(errors="replace") for word in command_line.split(b"\0")[:-1]]
    for at, word in enumerate(words[:-1]):
        ours = Path(word).name == "adobe-ims-operator" or word == "adobe_ims_operator"
        if ours and words[at + 1] == "run":
            return words[at + 2 :]
    return None


def read_settings(context: click.Context, first_process: Path = FIRST_PROCESS) -> Settings:
    """The settings that a command was given, else those of the process that runs in this pod, else the defaults.

    Raises:
        UsageError: they contradict each other, can't be used, or widen where the process in this pod sends secrets.
    """
    given: Sequence[str] | None = context.meta.get(_FLAGS)
    running = _running(first_process)
    found = _settings(given, running)
    if given is not None and running is not None:
        allowed = _settings(None, running).endpoints
        beyond = [url for url in found.endpoints.urls if not allowed.allows(url)]
        if beyond:
            what = (
                f"client secrets may not be sent to {', '.join(beyond)} from this pod, but to {', '.join(allowed.urls)}"
            )
            raise click.BadParameter(what, param_hint="--endpoint")
        started_with = _settings(None, running).console_endpoint
        if found.console_endpoint not in (None, started_with):
            raise click.BadParameter(
                f"this pod's operator does not serve client secrets by {found.console_endpoint}",
                param_hint="--console-endpoint",
            )
    return found


def _running(first_process: Path) -> Sequence[str] | None:
    try:
        return flags_of(first_process.read_bytes())
    except OSError:
        return None


def _settings(given: Sequence[str] | None, running: Sequence[str] | None) -> Settings:
    flags = given if given is not None else running
    started = run.make_context("run", list(flags or ()))
    params = started.params
    ims = read_reach(
        params["endpoints"],
        allow_http=params["allow_http_endpoint"],
        management_scopes=params["management_scopes"],
        ca_file=params["ims_ca_file"],
    )
    console = read_console(
        enabled=params["client_secrets"],
        endpoint=params["console_endpoint"],
        allow_http=params["allow_http_endpoint"],
        proxies=ims.proxies,
    )
    if given is not None:
        source = " and ".join(["the flags after --", *_variables(started)])
    elif running is not None:
        source = "the process that runs in this pod"
    else:
        source = " and ".join(["the defaults of run", *_variables(started)])
        source += f", which need not be the operator's; in its pod: {IN_POD}"
    return Settings(
        ims.endpoints,
        ims.trust,
        ims.proxies,
        console,
        params["forbid"],
        tuple(params["namespaces"]),
        params["selector"],
        params["leader_elect"],
        params["lease_name"],
        _lease_namespace(params),
        params["metrics_auth"],
        flags is not None,
        running is not None or POD_NAMESPACE.exists(),
        source,
    )


def _variables(started: click.Context) -> list[str]:
    options = [each for each in run.params if isinstance(each, click.Option)]
    by_variable = ParameterSource.ENVIRONMENT
    return [str(each.envvar) for each in options if started.get_parameter_source(str(each.name)) is by_variable]


def _lease_namespace(params: Mapping[str, Any]) -> str | None:
    named: str | None = params["lease_namespace"]
    if named is None and params["leader_elect"] and POD_NAMESPACE.exists():
        return POD_NAMESPACE.read_text().strip()
    return named

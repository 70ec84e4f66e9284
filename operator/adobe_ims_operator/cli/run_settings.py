"""The settings of `run`, for a command that looks at the world from where `run` does.

They are read by the flags and variables of `run` itself. In the operator's pod, where a command comes by `kubectl exec`
and shares its variables, the flags are those that its first process was started with.
"""

import copy
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from adobe_ims_operator.adobe.endpoints import Endpoints
from adobe_ims_operator.adobe.proxies import Proxies
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cli.ims_flags import read_reach
from adobe_ims_operator.cli.run import run
from adobe_ims_operator.kube.login import POD_NAMESPACE, is_in_pod

FIRST_PROCESS = Path("/proc/1/cmdline")
SHOWN = (
    "namespaces",
    "endpoints",
    "allow_http_endpoint",
    "ims_ca_file",
    "leader_elect",
    "lease_name",
    "lease_namespace",
)
"""The flags of `run` that --help of another command shows; the others are taken and change nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `run` would work with."""

    endpoints: Endpoints
    trust: ssl.SSLContext
    proxies: Proxies
    namespaces: tuple[str, ...]
    lease: Key | None
    metrics_auth: bool
    source: str
    """Where they come from, in words."""


def options_of_run() -> list[click.Parameter]:
    """The flags of `run`, for another command; --namespace has a short form there, as kubectl has it."""
    options: list[click.Parameter] = []
    for each in run.params:
        option = copy.copy(each)
        if isinstance(option, click.Option):
            option.hidden = option.name not in SHOWN
            if option.name == "namespaces":
                option.opts = ["-n", *option.opts]
                option.help = "The namespace of NAME, or those that the operator watches; may be repeated."
        options.append(option)
    return options


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
    names = [str(option.name) for option in run.params]
    params: dict[str, Any] = {name: context.params.get(name) for name in names}
    source = "flags and variables"
    running = _running(first_process) if is_in_pod() else None
    if running is not None:
        source = "the process that runs in this pod"
        started = run.make_context("run", list(running)).params
        given = {name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
        params = {name: params[name] if name in given else started[name] for name in names}
        allowed = _settings(started, source).endpoints
        beyond = [url for url in _settings(params, source).endpoints.urls if not allowed.allows(url)]
        if beyond:
            what = (
                f"client secrets may not be sent to {', '.join(beyond)} from this pod, but to {', '.join(allowed.urls)}"
            )
            raise click.BadParameter(what, param_hint="--endpoint")
    return _settings(params, source)


def _running(first_process: Path) -> Sequence[str] | None:
    try:
        return flags_of(first_process.read_bytes())
    except OSError:
        return None


def _settings(params: Mapping[str, Any], source: str) -> Settings:
    ims = read_reach(params["endpoints"], allow_http=params["allow_http_endpoint"], ca_file=params["ims_ca_file"])
    return Settings(
        ims.endpoints,
        ims.trust,
        ims.proxies,
        tuple(params["namespaces"]),
        _lease(params),
        params["metrics_auth"],
        source,
    )


def _lease(params: Mapping[str, Any]) -> Key | None:
    namespace = params["lease_namespace"]
    if namespace is None and params["leader_elect"] and POD_NAMESPACE.exists():
        namespace = POD_NAMESPACE.read_text().strip()
    return None if namespace is None else Key(namespace, params["lease_name"])

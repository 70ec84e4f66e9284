"""What the process runs for AdobeIMSClientSecrets, where the operator is started with --client-secrets."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from adobe_ims_operator.adobe.client import IMSClient
from adobe_ims_operator.adobe.console import ConsoleClient
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.replacement_watch import ReplacementWatch
from adobe_ims_operator.controller.controller import Controller
from adobe_ims_operator.controller.replacement.controller import ReplacementController
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.manager.metrics import Metrics
from adobe_ims_operator.manager.options import Options


@dataclass(frozen=True, slots=True)
class Replacing:
    """The controller, its watches and its connections."""

    controller: ReplacementController
    watches: Sequence[ReplacementWatch]
    console: ConsoleClient

    @classmethod
    def make(
        cls,
        kube: Kube,
        ims: IMSClient,
        recorder: Recorder,
        credentials: Controller,
        options: Options,
        metrics: Metrics,
        *,
        clock: Clock,
    ) -> "Replacing":
        """Put it together; `options.console_endpoint` says where client secrets are replaced."""
        if options.console_endpoint is None:
            raise AssertionError("client secrets are replaced only where that is asked for")
        console = ConsoleClient(options.console_endpoint, options.trust, options.proxies, now=clock.now)
        controller = ReplacementController(
            kube,
            ims,
            console,
            recorder,
            credentials,
            endpoints=options.endpoints,
            console_endpoint=options.console_endpoint,
            clock=clock,
            jitter=random.random,
            count=metrics.count_token_request,
            count_console=metrics.count_console_request,
            concurrency=options.concurrency,
        )
        watches = [
            ReplacementWatch(kube, controller.replacements, namespace, options.selector, random.random)
            for namespace in options.namespaces or (None,)
        ]
        return cls(controller, watches, console)

    @property
    def is_watching(self) -> bool:
        """Whether all objects that are to be served can be listed and watched."""
        return all(watch.problem is None for watch in self.watches)

    def read_again(self) -> None:
        """Take nothing for known, as the API server's data was restored."""
        self.controller.forget_attempts()
        for watch in self.watches:
            watch.restart()

    def start(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Start the workers; what is to run beside them, by its name."""
        self.controller.start()
        found: dict[str, Callable[[], Awaitable[None]]] = {"queue of client secrets": self.controller.run}
        for n, watch in enumerate(self.watches):
            found[f"watch on client secrets {n}"] = watch.run
        return found

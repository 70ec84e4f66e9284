"""Restarts the workloads of `spec.restart` for a rotation, or looks again at those that wait for somebody."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adobe_ims_operator.api.resource import Key, Workload
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.work import Work
from adobe_ims_operator.core import events, restarts
from adobe_ims_operator.core.events import Regarding
from adobe_ims_operator.core.model import Observed
from adobe_ims_operator.core.restart_pace import RestartPace
from adobe_ims_operator.kube import workload_restart
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.workload_restart import Outcome

MadeSecret = tuple[datetime, timedelta]
"""When a token Secret was made, and for how long there had been none of its name by then."""


@dataclass(frozen=True, slots=True)
class Restarter:
    """Restarts workloads.

    Args:
        jitter: a random number in [0, 1).
    """

    work: Work
    kube: Kube
    recorder: Recorder
    clock: Clock
    jitter: Callable[[], float]
    pace: RestartPace = field(default_factory=RestartPace)

    async def restart(self, observed: Observed, before: Status) -> tuple[restarts.FollowUp | None, datetime | None]:
        """Restart the workloads that are due; how far that is, and when to go on."""
        key = observed.key
        rotation = restarts.rotation_of(observed, self.clock.now())
        if rotation is None:
            return None, None
        known = {w: each for w, each in observed.attempts.restarts.items() if w in rotation.workloads}
        due = restarts.due(rotation, before, known, self.clock.now())
        only_looks = all(restarts.looked_at(rotation, before, known, each) for each in due)
        made = None if only_looks else await self._made(observed, rotation)
        for workload in due:
            found = restarts.looked_at(rotation, before, known, workload)
            wait = self.pace.take(key.namespace, self.clock.monotonic()) if found is None else None
            if wait is not None:
                again_at = self.clock.now() + timedelta(seconds=wait * (1 + self.jitter()))
                return restarts.paced(rotation, restarts.report(rotation, before, known)), again_at
            if found is None:
                outcome = await self._restart(observed, rotation, workload, made)
            else:
                now = self.clock.now()
                outcome = Outcome(await workload_restart.look_again(self.kube, key.namespace, workload, found, now))
            finding = outcome.finding
            if found is None:
                self.work.tally.restarts[finding.reason] += 1
            note = restarts.note(rotation, workload, finding, known.get(workload), self.clock.now(), self.jitter())
            known = {**known, workload: note}
            self.work.note(key, replace(self.work.attempts(key) or observed.attempts, restarts=known))
            self._report(observed, rotation, workload, outcome)
            if finding.reason is restarts.FAILED:
                break  # the others have turns of their own, as each may take as long
        return restarts.report(rotation, before, known), restarts.next_at(rotation, before, known, self.clock.now())

    async def _restart(
        self, observed: Observed, rotation: restarts.Rotation, workload: Workload, made: MadeSecret | None
    ) -> Outcome:
        secret = _secret_of(observed)
        if made is not None:
            outcome = await workload_restart.unneeded(self.kube, secret, workload, *made)
            if outcome is not None:
                return outcome
        mark = restarts.mark(observed.key.name, observed.uid, rotation.id)
        return await workload_restart.restart(self.kube, secret, workload, mark, self.clock.now())

    async def _made(self, observed: Observed, rotation: restarts.Rotation) -> MadeSecret | None:
        """When the token Secret was made; None where that was not by this rotation, or is not known."""
        rotation_id, absent = observed.attempts.made or (None, None)
        if rotation_id != rotation.id or absent is None:
            return None
        try:
            created = (await workload_restart.times(self.kube, _secret_of(observed))).created
        except ApiError:
            return None
        return None if created is None else (created, absent)

    def _report(self, observed: Observed, rotation: restarts.Rotation, workload: Workload, outcome: Outcome) -> None:
        if outcome.uid is None:
            return
        about = events.of_workload(workload, observed.key.namespace, outcome.uid)
        event = events.of_restart(Regarding(observed.key, observed.uid), rotation, outcome.finding)
        self.recorder.record(about, event)


def _secret_of(observed: Observed) -> Key:
    return Key(observed.key.namespace, observed.spec.secret.name)

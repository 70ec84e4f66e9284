"""One turn of a taker: the token that another credential shares, read from its Secret.

It is kept nowhere: where the write fails, the next attempt reads it again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from adobe_ims_operator.api.ledger import Facts, new_rotation_id
from adobe_ims_operator.api.placeholders import holds
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.controller.common_read import CommonReads
from adobe_ims_operator.controller.read_secrets import SecretReader, not_read
from adobe_ims_operator.controller.work import Work
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core import taking
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import HeldToken, Observed, Step, Trouble
from adobe_ims_operator.core.source import Shared
from adobe_ims_operator.kube import shared_token
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.errors import ApiError
from adobe_ims_operator.kube.shared_token import SharedToken


@dataclass(frozen=True, slots=True)
class Taker:
    """What taking needs of the outside.

    Args:
        random_hex: 16 hexadecimal digits by chance.
    """

    work: Work
    reader: SecretReader
    kube: Kube
    clock: Clock
    random_hex: Callable[[], str]
    reads: CommonReads[SharedToken | Finding] = field(default_factory=CommonReads)

    async def take(self, observed: Observed, source: Shared, need: Finding) -> HeldToken | None:
        """Read the token of the source.

        None where it can't be taken, which is an attempt that failed, or where another is to be by now, or none.
        """
        known = self.work.attempts(observed.key) or observed.attempts
        self.work.note(observed.key, attempt.took(known, need, observed.inputs, self.clock.now()))
        try:
            what = (source.secret_key, source.uid, source.spec_digests, source.rotation)
            found = await self.reads.read(what, partial(shared_token.read, self.kube, source, self.clock.now()))
        except ApiError as error:
            self._failed(observed, not_read(str(source.secret_key), error))
            return None
        if self._has_changed(observed, source, found):
            return None
        problem = found if isinstance(found, Finding) else _lacks(observed, source, found)
        if problem is not None:
            self._failed(observed, Trouble(problem, Pace.IMS))
        return None if isinstance(found, Finding) or problem is not None else self._held(observed, found, need)

    def _has_changed(self, observed: Observed, source: Shared, found: SharedToken | Finding) -> bool:
        """Whether the source holds another token by now, or shares none, as far as the caches and this read show."""
        if isinstance(found, SharedToken):
            self.work.store.upsert_own_secret(source.secret_key, found.secret, by=observed.key)
        now = self.work.observe(observed.key)
        return now is None or now.source != source

    def _failed(self, observed: Observed, trouble: Trouble) -> None:
        self.reader.failed(observed, Step.TAKE, trouble, observed.inputs)

    def _held(self, observed: Observed, found: SharedToken, need: Finding) -> HeldToken:
        facts = Facts(
            credential=str(observed.key),
            credential_uid=observed.uid,
            secret=str(Key(observed.key.namespace, observed.spec.secret.name)),
            issued_at=found.facts.issued_at,
            expires_at=found.facts.expires_at,
            spec_digest=observed.spec_digests.whole,
            data_digest="",  # known once the Secret is rendered
            client_digest="",
            client_version="",
            client_secret_key="",
            rotate_request="",
            rotations=(observed.facts.rotations if observed.facts else 0) + 1,
            rotation_id=new_rotation_id(found.facts.issued_at, self.random_hex()),
            client_id=found.client_id,
            organization_id=found.organization_id,
            token_type=found.token.token_type,
            source_rotation=found.facts.rotation,
        )
        return HeldToken(found.token, found.client_id, facts, observed.inputs, found.scope, need)


def _lacks(observed: Observed, source: Shared, found: SharedToken) -> Finding | None:
    """What the template of the taker asks for and the source does not have."""
    values = {"client_id": found.client_id, "organization_id": found.organization_id}
    texts = observed.spec.secret.data.values()
    for name, value in values.items():
        if value is None and any(holds(text, name) for text in texts):
            return taking.unusable(source, f"does not say what $({name}) stands for; leave it out of spec.secret.data")
    return None

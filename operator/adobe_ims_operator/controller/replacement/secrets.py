"""The Secrets of a replacement: the managed one, read and written, and the bootstrap's, read.

Values of client secrets are read where they are needed, and compared with the digest that was decided on.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from adobe_ims_operator.api.client_secret import CLIENT_SECRET_KIND
from adobe_ims_operator.api.client_secret_ledger import Slot, digest_client_secret
from adobe_ims_operator.api.log_fields import about
from adobe_ims_operator.api.resource import JSON, Key
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.controller.common_read import CommonReads
from adobe_ims_operator.controller.replacement import troubles
from adobe_ims_operator.controller.replacement.work import Outdated, Work
from adobe_ims_operator.core.events import Regarding
from adobe_ims_operator.core.replacement import attempts as attempt
from adobe_ims_operator.core.replacement import events
from adobe_ims_operator.core.replacement.decision import AskToken, Write
from adobe_ims_operator.core.replacement.model import BootstrapSeen, Observed, Source, Step
from adobe_ims_operator.kube import client_secret, managed_secret
from adobe_ims_operator.kube.client import Kube
from adobe_ims_operator.kube.client_secret import Client, Fields
from adobe_ims_operator.kube.errors import ApiError, ConflictError, NotFoundError
from adobe_ims_operator.kube.event_recorder import Recorder
from adobe_ims_operator.kube.managed_secret import ManagedContent

logger = logging.getLogger(__name__)

_OF_BOOTSTRAP = Fields("spec.bootstrap.idKey", "spec.bootstrap.secretKey")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Reads and writes the Secrets of one object at a time."""

    work: Work
    kube: Kube
    recorder: Recorder
    reads: CommonReads[JSON | None] = field(default_factory=CommonReads)
    contents: CommonReads[ManagedContent | None] = field(default_factory=CommonReads)

    async def read(self, observed: Observed) -> ManagedContent | None:
        """Read the managed Secret; None if there is none.

        Raises:
            Outdated: it could not be read.
        """
        resource, store = observed.resource, self.work.store
        known = store.secrets.get(resource.secret_key)
        try:
            content = await self._content(observed, None if known is None else known.version)
        except ApiError as error:
            self.work.failed(observed, Step.READ_SECRET, troubles.not_read(resource.secret_key, error))
            raise Outdated from None
        if content is not None:
            store.upsert_own_secret(resource.secret_key, content.metadata, by=None)
            self.work.saw(resource, content)
        elif known is not None:
            store.delete_secret(resource.secret_key, known.version)
        self.work.note(observed, attempt.saw_secret(observed.memory))
        return content

    async def _content(self, observed: Observed, version: int | None) -> ManagedContent | None:
        key = observed.resource.secret_key
        read = partial(managed_secret.read, self.kube, key)
        # Any number of objects may name one Secret, of which the oldest alone does anything.
        return await (read() if observed.older is None else self.contents.read((key, version), read))

    async def read_bootstrap(self, observed: Observed) -> Client | None:
        """Read the Secret that the client came in; None if it does not hold one.

        Raises:
            Outdated: it could not be read.
        """
        spec, store = observed.resource.spec, self.work.store
        key = Key(observed.resource.key.namespace, spec.bootstrap.secret_name)
        ref = ClientRef(key.name, spec.bootstrap.id_key, (spec.bootstrap.secret_key,))
        known = store.secrets.get(key)
        try:
            # One read is as new as another that begins before more is known of the Secret.
            what = (key, None if known is None else known.version)
            body = await self.reads.read(what, partial(client_secret.get, self.kube, key))
        except ApiError as error:
            self.work.failed(observed, Step.READ_BOOTSTRAP, troubles.not_read(key, error))
            raise Outdated from None
        if body is None:
            if known is not None:
                store.delete_secret(key, known.version)
            return None
        found = client_secret.from_body(body, ref, _OF_BOOTSTRAP)
        store.upsert_own_secret(key, found.metadata, by=None)
        seen = BootstrapSeen(found.metadata.version, spec.bootstrap, None, None, found.missing)
        if (client := found.client) is not None:
            digest = digest_client_secret(spec.credential, client.secrets[spec.bootstrap.secret_key])
            seen = BootstrapSeen(found.metadata.version, spec.bootstrap, client.client_id, digest, None)
        self.work.note(observed, attempt.saw_bootstrap(observed.memory, seen))
        return found.client

    async def client(self, observed: Observed, ask: AskToken) -> tuple[str, str]:
        """Read the client id and the value that a token is to be asked with.

        Raises:
            Outdated: the Secret holds another value by now.
        """
        credential = observed.resource.spec.credential
        if ask.source is Source.BOOTSTRAP:
            client = await self.read_bootstrap(observed)
            if client is None:
                raise Outdated
            client_id, value = client.client_id, client.secrets[observed.resource.spec.bootstrap.secret_key]
        else:
            content, ledger = await self.read(observed), observed.ledger
            if content is None or ledger is None:
                raise Outdated
            client_id, value = ledger.client_id, content.values.get(Slot(ask.source.value), "")
        if digest_client_secret(credential, value) != ask.digest:
            raise Outdated
        return client_id, value

    async def write(self, observed: Observed, write: Write) -> None:
        """Write the managed Secret as it was decided, if it is as it was observed.

        Raises:
            Outdated: it is not.
        """
        resource, store = observed.resource, self.work.store
        known = store.secrets.get(resource.secret_key) if observed.secret is not None else None
        values = await self._values(observed, write)
        try:
            written = await managed_secret.write(self.kube, resource.secret_key, write.ledger, values, known)
        except (ConflictError, NotFoundError) as error:
            self.work.failed(observed, Step.WRITE, troubles.conflict(resource.secret_key, error))
            await self.read(self.work.observe(resource.key) or observed)
            return
        except ApiError as error:
            self.work.failed(observed, Step.WRITE, troubles.not_written(resource.secret_key, error))
            return
        store.upsert_own_secret(resource.secret_key, written, by=None)
        self.work.note(observed, attempt.written(observed.memory, write, self.work.now, self.work.jitter()))
        name = resource.secret_key.name
        regarding = Regarding(resource.key, resource.uid, kind=CLIENT_SECRET_KIND)
        for event in events.of_write(write, observed.ledger, observed.memory):
            self.recorder.record(regarding, event)
        fields = about(resource.key, secret=name)
        logger.info(
            "AdobeIMSClientSecret %s: wrote Secret %s: to %s", resource.key, name, write.deed.value, extra=fields
        )

    async def _values(self, observed: Observed, write: Write) -> Mapping[Slot, str]:
        """The values that a write puts into the Secret, each from where the decision says."""
        found: dict[Slot, str] = {}
        content: ManagedContent | None = None
        for slot, source in write.data.items():
            match source:
                case Source.ADDED:
                    if observed.memory.added is None:
                        raise Outdated
                    found[slot] = observed.memory.added.secret.value
                case Source.BOOTSTRAP:
                    client = await self.read_bootstrap(observed)
                    if client is None:
                        raise Outdated
                    found[slot] = client.secrets[observed.resource.spec.bootstrap.secret_key]
                case _:
                    content = content or await self.read(observed)
                    value = None if content is None else content.values.get(Slot(source.value))
                    if value is None or content is None or not _is_of(content, observed):
                        raise Outdated
                    found[slot] = value
            held = write.ledger.held.get(slot)
            digest = digest_client_secret(write.ledger.credential, found[slot])
            if source.value != slot.value and held is not None and held.digest != digest:
                raise Outdated
        return found


def _is_of(content: ManagedContent, observed: Observed) -> bool:
    return observed.secret is not None and content.metadata.version == observed.secret.version

"""The credentials whose token was made with the old client secret: counted once for each Secret, by who goes first."""

from dataclasses import replace
from datetime import datetime, timedelta

from adobe_ims_operator.adobe.endpoints import ADOBE, Endpoints
from adobe_ims_operator.api.client_secret import ClientSecretResource
from adobe_ims_operator.api.client_secret_ledger import Ledger, NoLedger, Slot
from adobe_ims_operator.api.digests import digest_client_value
from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.api.times import Clock
from adobe_ims_operator.cache.replacements import Replacements
from adobe_ims_operator.cache.store import Store
from adobe_ims_operator.controller.replacement.work import MOST_USERS, Work
from adobe_ims_operator.core.replacement.model import ManagedSecret, UnreadSecret
from adobe_ims_operator.kube.managed_secret import ManagedContent
from unit.clocks import SetClock
from unit.replacement.adobe import CLIENT_ID
from unit.replacement.walks import draining, taken_over
from unit.replacement.world import Cluster
from unit.worlds import NOW, credential, facts, spec, token_secret


def resource_of(cluster: Cluster, name: str, *, hours: int) -> ClientSecretResource:
    """An object for the credential of a cluster, of that age."""
    key = Key(cluster.resource.key.namespace, name)
    return replace(cluster.resource, key=key, uid=f"uid-of-{name}", created=NOW - timedelta(hours=hours))


class Here:
    """A namespace in which credentials read a managed Secret, and what is known of it."""

    def __init__(self, cluster: Cluster, users: int, *names: str) -> None:
        """Those named are objects on the Secret, the oldest first."""
        assert cluster.secret is not None
        self.store = Store(lambda _key, _after: None)
        self.replacements = Replacements(lambda _key: None)
        clock = Clock(lambda: NOW, SetClock().monotonic)
        self.work = Work(self.store, self.replacements, Endpoints(ADOBE), ADOBE[0], clock=clock, jitter=lambda: 0.5)
        self.secret = cluster.resource.secret_key
        self.content = ManagedContent(
            metadata=token_secret(None, version=7),
            ledger=cluster.ledger or NoLedger.ABSENT,
            client_id=CLIENT_ID,
            values={slot: cluster.secret.data[slot] for slot in Slot if slot in cluster.secret.data},
        )
        self.objects = [resource_of(cluster, name, hours=24 - number) for number, name in enumerate(names)]
        for each in self.objects:
            self.replacements.upsert(each)
        self.store.upsert_secret(self.secret, self.content.metadata)
        old = self.content.values.get(Slot.PREVIOUS, "value-0")
        for number in range(users):
            self.add_user(f"user-{number:03}", old)

    def add_user(self, name: str, value: str, created: datetime = NOW - timedelta(days=1)) -> None:
        """A credential whose token was made with a value."""
        key, uid = Key(self.secret.namespace, name), f"uid-of-{name}"
        source = ClientRef(self.secret.name)
        template = replace(spec().secret, name=f"{name}-token")
        self.store.upsert_credential(
            credential(key=key, uid=uid, spec=spec(source=source, secret=template), created=created)
        )
        made = facts(credential=str(key), credential_uid=uid, client_value=digest_client_value(uid, CLIENT_ID, value))
        self.store.upsert_secret(Key(key.namespace, template.name), token_secret(made))

    def read(self, resource: ClientSecretResource) -> None:
        """An object reads the Secret."""
        self.work.observe(resource.key)
        self.work.saw(resource, self.content)

    def users(self, resource: ClientSecretResource) -> int | None:
        """How many use the old one, as an object sees it; None where it has to read the Secret for that."""
        seen = self.work.observe(resource.key)
        assert seen is not None
        return None if isinstance(seen.secret, UnreadSecret) else len(seen.users)


def test_the_oldest_object_alone_tells_who_uses_the_old_one_and_the_next_reads_again_once_it_is_gone() -> None:
    here = Here(draining(), 3, "older", "younger")
    older, younger = here.objects
    for each in here.objects:
        here.read(each)
    assert (here.users(older), here.users(younger)) == (3, 0)
    here.replacements.delete(older.key, older.uid)
    assert here.users(younger) is None
    here.read(younger)
    assert here.users(younger) == 3


def test_nobody_is_looked_for_while_no_old_one_drains() -> None:
    here = Here(taken_over(), 3, "one")
    here.content = replace(here.content, values={**here.content.values, Slot.PREVIOUS: "value-0"})
    here.read(here.objects[0])
    assert here.users(here.objects[0]) == 0
    assert isinstance(here.content.ledger, Ledger)
    here.content = replace(here.content, ledger=NoLedger.ABSENT)
    here.read(here.objects[0])
    assert here.users(here.objects[0]) == 0


def test_as_many_are_looked_at_as_cost_little_and_the_oldest_of_them() -> None:
    here = Here(draining(), MOST_USERS + 20, "one")
    here.add_user("a-new-one", "another value", created=NOW)
    here.read(here.objects[0])
    assert here.users(here.objects[0]) == MOST_USERS
    seen = here.work.observe(here.objects[0].key)
    assert seen is not None
    assert isinstance(seen.secret, ManagedSecret)
    assert seen.users[0].name == "user-000"

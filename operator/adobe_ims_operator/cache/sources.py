"""What the caches know of the credential whose token another one takes."""

from collections.abc import Iterable, Iterator, Mapping

from adobe_ims_operator.api.digests import SpecDigests
from adobe_ims_operator.api.resource import Credential, Key
from adobe_ims_operator.cache.index import owner, token_key
from adobe_ims_operator.cache.synced import Synced
from adobe_ims_operator.cache.takers import shares
from adobe_ims_operator.core.model import ObservedSecret
from adobe_ims_operator.core.source import Shared, Source, Unshared, Unwatched


def find_source(
    taker: Credential,
    synced: Synced,
    credentials: Mapping[Key, Credential],
    secrets: Mapping[Key, ObservedSecret],
    digests: Mapping[Key, SpecDigests],
) -> Source | None:
    """What is known of it; None where IMS is asked for the token."""
    key = taker.spec.taken_from
    if key is None:
        return None
    if not synced.is_known(key.namespace):  # consent may have been withdrawn unseen
        return Unwatched(key)
    source = credentials.get(key)
    if source is None or not shares(source, taker.key.namespace):
        return Unshared(key)
    secret = secrets.get(token_key(source))
    facts = secret.facts if secret is not None and secret.credential_uid == source.uid else None
    return Shared(key, source.uid, source.spec, digests[key], facts)


def is_known(taker: Credential | None, synced: Synced) -> bool:
    """Whether what there is of its source is known, or can't be."""
    source = None if taker is None else taker.spec.taken_from
    return source is None or not synced.is_served(source.namespace) or synced.is_known(source.namespace)


def sources_of(
    key: Key, states: Iterable[ObservedSecret | None], credentials: Mapping[Key, Credential]
) -> Iterator[Key]:
    """The credentials whose token a Secret holds in one of two states, where what is said of the token differs."""
    facts = [None if state is None else state.facts for state in states]
    if len(set(facts)) < 2:
        return
    for each in filter(None, facts):
        source = credentials.get(owner(each))
        if source is not None and source.uid == each.credential_uid and token_key(source) == key:
            yield source.key

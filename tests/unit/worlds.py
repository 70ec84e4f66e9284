"""Values for the core's tests, made by hypothesis: credentials, Secrets and times as they may be observed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.resource import ClientRef, Key, SecretTemplate, Spec
from adobe_ims_operator.core.model import (
    NO_HOLDER,
    Claimant,
    Failure,
    Finding,
    Inputs,
    Observed,
    ObservedSecret,
    Rivals,
)

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
ENDPOINT = "https://ims-na1.adobelogin.com"
INPUTS = Inputs("spec-1", "client-1", "")


def spec(**changes: object) -> Spec:
    """A plain spec."""
    plain = Spec(client=ClientRef("lightroom-oauth"), secret=SecretTemplate("lightroom-token"))
    return replace(plain, **changes)  # type: ignore[arg-type]


def facts(issued_at: datetime = NOW, lifetime: timedelta = timedelta(seconds=86399), **changes: object) -> Facts:
    """Facts of a token for the credential of `observed`."""
    plain = Facts(
        credential="photos/lightroom",
        credential_uid="uid-1",
        secret="photos/lightroom-token",
        issued_at=issued_at,
        expires_at=issued_at + lifetime,
        spec_digest="spec-1",
        data_digest="data-1",
        client_digest="client-1",
        client_version="100",
        client_secret_key="client_secret",
        rotate_request="",
        rotations=1,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def token_secret(known: Facts | None, **changes: object) -> ObservedSecret:
    """The token Secret of the credential of `observed`."""
    plain = ObservedSecret(
        uid="secret-1",
        version=101,
        owner="AdobeIMSCredential lightroom",
        credential_uid="uid-1",
        controller_uid="uid-1",
        facts=known,
        credential=None if known is None else Key(*known.credential.split("/", 1)),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def client_secret(version: int = 100, known: Facts | None = None) -> ObservedSecret:
    """The client Secret of the credential of `observed`."""
    return ObservedSecret("client-1", version, "whoever made it with kubectl-create", None, None, known)


def observed(secret: ObservedSecret | None = None, **changes: object) -> Observed:
    """A credential with that token Secret, and nothing in its way."""
    plain = Observed(
        key=Key("photos", "lightroom"),
        uid="uid-1",
        created=NOW,
        generation=3,
        spec=spec(),
        endpoint=ENDPOINT,
        endpoint_allowed=True,
        forbidden=None,
        inputs=INPUTS,
        client=client_secret(),
        secret=secret,
        secret_intact=True,
        predecessor_uid=None,
        held_last=False,
        rivals=Rivals(),
        holder=NO_HOLDER,
        holds_token=False,
        token_waits=False,
        told_ready=False,
        pending=False,
        failure=None,
        last_failure=None,
        endpoint_opens_at=None,
        unplanned=0,
        last_unplanned=None,
    )
    follows = {"last_failure": changes.get("failure"), "token_waits": changes.get("holds_token", False)}
    return replace(plain, **{**follows, **changes})  # type: ignore[arg-type]


def claimant(name: str, created: datetime = NOW, **changes: object) -> Claimant:
    """Another credential that names a Secret which that of `observed` names too."""
    plain = Claimant(Key("photos", name), f"uid-of-{name}", created, adopt=False, held_last=False)
    return replace(plain, **changes)  # type: ignore[arg-type]


def failure(retry_at: datetime, reason: str = "IMSUnavailable", count: int = 1) -> Failure:
    """A failure of attempts with `INPUTS`."""
    return Failure(Finding(reason, "it did not work"), count, count, retry_at, INPUTS)


instants = st.integers(-10 * 86400, 10 * 86400).map(lambda seconds: NOW + timedelta(seconds=seconds))
lifetimes = st.one_of(st.just(86399), st.integers(1, 10 * 86400)).map(lambda seconds: timedelta(seconds=seconds))
intervals = st.integers(60, 86340).map(lambda seconds: timedelta(seconds=seconds))
digests = st.sampled_from(["spec-1", "spec-2"])
versions = st.sampled_from(["100", "200"])
requests = st.sampled_from(["", "now", "again"])
inputs = st.builds(Inputs, digests, st.sampled_from(["client-1", "client-2", None]), requests)
clients = st.sampled_from([None, client_secret(100), client_secret(200), client_secret(100, facts())])
specs = st.builds(lambda interval, suspend: spec(interval=interval, suspend=suspend), intervals, st.booleans())
known_facts = st.builds(
    lambda issued_at, lifetime, digest, version, request: facts(
        issued_at, lifetime, spec_digest=digest, client_version=version, rotate_request=request
    ),
    instants,
    lifetimes,
    digests,
    versions,
    requests,
)
secrets = st.one_of(
    st.none(),
    st.builds(
        lambda known, uid: token_secret(known, credential_uid=uid),
        st.one_of(st.none(), known_facts),
        st.sampled_from(["uid-1", "uid-2", None]),
    ),
)
failures = st.one_of(st.none(), st.builds(failure, instants))


def _observe(
    a_spec: Spec, some: Inputs, client: ObservedSecret | None, secret: ObservedSecret | None, failed: Failure | None
) -> Observed:
    return observed(
        secret, spec=a_spec, inputs=some, client=client, failure=failed, last_failure=failed, pending=failed is not None
    )


anything: st.SearchStrategy[Observed] = st.builds(
    lambda base, allowed, forbidden, intact, opens_at, older, unplanned, last: replace(
        base,
        endpoint_allowed=allowed,
        forbidden=forbidden,
        secret_intact=intact,
        endpoint_opens_at=opens_at,
        rivals=Rivals(older),
        unplanned=unplanned,
        last_unplanned=last,
    ),
    st.builds(_observe, specs, inputs, clients, secrets, failures),
    st.booleans(),
    st.sampled_from([None, None, "label owner=helm"]),
    st.sampled_from([True, False, None]),
    st.one_of(st.none(), instants),
    st.sampled_from([(), (), (claimant("elder", NOW - timedelta(days=1)),)]),
    st.integers(0, 20),
    st.one_of(st.none(), instants),
)
"""Whatever may be observed, sensible or not."""

"""Values for the core's tests, made by hypothesis: credentials, Secrets and times as they may be observed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from adobe_ims_operator.api.digests import SpecDigests
from adobe_ims_operator.api.ledger import Facts
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import Credential, Key, SecretTemplate, Spec
from adobe_ims_operator.api.source import ClientRef
from adobe_ims_operator.api.status import Status
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.model import (
    Attempts,
    Endpoint,
    Failure,
    HeldToken,
    Inputs,
    MetadataWrites,
    Observed,
    ObservedSecret,
    Step,
    Token,
)
from adobe_ims_operator.core.obstacle import Obstacle
from adobe_ims_operator.core.policy import FRESH
from adobe_ims_operator.core.rivals import NO_HOLDER, Claimant, Rivals
from adobe_ims_operator.core.secret_differences import NO_DIFFERENCES, Differences

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
ENDPOINT = "https://ims-na1.adobelogin.com"
INPUTS = Inputs("spec-1", "client-1", "")


def spec(**changes: object) -> Spec:
    """A plain spec."""
    plain = Spec(source=ClientRef("lightroom-oauth"), secret=SecretTemplate("lightroom-token"))
    return replace(plain, **changes)  # type: ignore[arg-type]


def client_of(spec: Spec) -> ClientRef:
    """Where the client of a spec is that asks IMS."""
    assert spec.client is not None
    return spec.client


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
    return ObservedSecret("client-1", version, "somebody with kubectl-create", None, None, known)


def credential(**changes: object) -> Credential:
    """The credential of `observed`."""
    plain = Credential(
        key=Key("photos", "lightroom"),
        uid="uid-1",
        generation=3,
        version=10,
        created=NOW,
        deleting=False,
        rotate_request="",
        spec=spec(),
        status=Status(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def observed(secret: ObservedSecret | None = None, **changes: object) -> Observed:
    """A credential with that token Secret, and nothing that hinders it.

    Args:
        changes: fields of what is observed, of its credential or of its attempts.
    """
    plain = Observed(
        credential=credential(),
        endpoint=Endpoint(ENDPOINT, allowed=True),
        inputs=INPUTS,
        spec_digests=SpecDigests(INPUTS.spec_digest, INPUTS.spec_digest),
        client=client_secret(),
        secret=secret,
        rivals=Rivals(),
        holder=NO_HOLDER,
        forbidden=None,
        intact=True,
        differences=NO_DIFFERENCES,
        attempts=Attempts("uid-1", looked_for="lightroom-oauth"),
    )
    return change(plain, **changes)


def change(seen: Observed, **changes: object) -> Observed:
    """What is observed with other fields, of its own, of its credential or of its attempts."""
    given = changes.get("inputs")
    if isinstance(given, Inputs):
        changes.setdefault("spec_digests", SpecDigests(given.spec_digest, given.spec_digest))
    of_credential = {name: changes.pop(name) for name in ("spec", "generation", "status") if name in changes}
    of_attempts = {
        name: changes.pop(name)
        for name in ("failure", "metadata", "clean_up", "unplanned", "last_unplanned", "seen_at", "obstacle")
        if name in changes
    }
    return replace(
        seen,
        **{
            "credential": replace(seen.credential, **of_credential),  # type: ignore[arg-type]
            "attempts": replace(seen.attempts, **of_attempts),  # type: ignore[arg-type]
            **changes,
        },
    )


def claimant(name: str, created: datetime = NOW, **changes: object) -> Claimant:
    """Another credential that names a Secret which that of `observed` names too."""
    plain = Claimant(Key("photos", name), f"uid-of-{name}", created, adopt=False, held_last=False)
    return replace(plain, **changes)  # type: ignore[arg-type]


def held(known: Facts | None = None, inputs: Inputs = INPUTS) -> HeldToken:
    """A token in hand."""
    return HeldToken(
        Token("token", "bearer", timedelta(seconds=86399)), "id", known or facts(), inputs, "openid", FRESH
    )


def failure(
    retry_at: datetime,
    reason: Reason = Reason.IMS_UNAVAILABLE,
    count: int = 1,
    step: Step = Step.ASK,
    pace: Pace = Pace.IMS,
    against: int | None = None,
) -> Failure:
    """A failure of attempts with `INPUTS`."""
    return Failure(step, Finding(reason, "it did not work"), count, count, pace, retry_at, INPUTS, against)


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
failures = st.one_of(
    st.none(),
    st.builds(
        failure,
        instants,
        st.sampled_from([Reason.IMS_UNAVAILABLE, Reason.INVALID_CLIENT, Reason.SECRET_WRITE_FAILED]),
        st.integers(1, 3),
        st.sampled_from(Step),
        st.sampled_from(Pace),
        st.sampled_from([None, 100, 101]),
    ),
)
obstacles = st.one_of(
    st.none(),
    st.builds(
        Obstacle,
        st.sampled_from([Reason.INVALID_CLIENT, Reason.SECRET_NOT_OWNED, Reason.IMS_UNAVAILABLE]),
        st.one_of(st.none(), inputs),
        instants,
    ),
)
differences = st.sampled_from(
    [NO_DIFFERENCES, NO_DIFFERENCES, None, Differences(("label team",), editor="kubectl"), Differences(keys=("mine",))]
)
metadata_writes = st.one_of(
    st.none(),
    st.builds(
        lambda count, at, retry_at, failure: MetadataWrites(
            count,
            at,
            Finding(Reason.SECRET_METADATA_EDITED, "label team was changed"),
            "spec-1",
            retry_at,
            count,
            failure,
        ),
        st.integers(0, 9),
        instants,
        instants,
        st.sampled_from([None, Finding(Reason.SECRET_WRITE_REFUSED, "it was refused")]),
    ),
)
tokens = st.one_of(st.none(), st.builds(held, known_facts, inputs))

anything: st.SearchStrategy[Observed] = st.builds(
    observed,
    secrets,
    spec=specs,
    inputs=inputs,
    client=clients,
    endpoint=st.booleans().map(lambda allowed: Endpoint(ENDPOINT, allowed)),
    rivals=st.sampled_from([(), (), (claimant("elder", NOW - timedelta(days=1)),)]).map(Rivals),
    forbidden=st.sampled_from([None, None, "label owner=helm"]),
    intact=st.sampled_from([True, False, None]),
    spec_digests=st.builds(SpecDigests, digests, digests),
    differences=differences,
    metadata=metadata_writes,
    failure=failures,
    clean_up=failures,
    unplanned=st.integers(0, 20),
    last_unplanned=st.one_of(st.none(), instants),
    obstacle=obstacles,
    held=tokens,
    in_flight=st.booleans(),
    throttled_until=st.one_of(st.none(), instants),
)
"""Whatever may be observed, sensible or not."""

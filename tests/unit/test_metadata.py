"""When the metadata of a token Secret is written by itself: without a token, at a pace, and only what is ours."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.digests import SpecDigests
from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import API_VERSION, JSON, KIND, Key, SecretTemplate
from adobe_ims_operator.core import attempts as attempt
from adobe_ims_operator.core.attempts import METADATA_ROW
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.decision import Look, Refuse, Wait, WriteMetadata
from adobe_ims_operator.core.finding import Finding
from adobe_ims_operator.core.metadata import FREE_WRITES
from adobe_ims_operator.core.model import Observed, Step, Trouble
from adobe_ims_operator.core.policy import decide, problem
from adobe_ims_operator.core.secret_differences import (
    MAX_NAMED,
    NO_DIFFERENCES,
    Differences,
    Owner,
    compare,
    wanted_labels,
)
from adobe_ims_operator.core.seen_secrets import SeenTokenSecret
from unit import worlds
from unit.worlds import NOW, change, facts, failure, observed, spec, token_secret

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
EDITED = Differences(("ownerReference", "label team"), editor="kubectl-label")
FRESH = observed(token_secret(facts()))
DRIFTED = replace(FRESH, differences=EDITED)
OUTDATED = replace(FRESH, spec_digests=SpecDigests("spec-2", "spec-1"))
OUTAGE: dict[str, Any] = {"failure": failure(NOW + HOUR)}


class TestAWrite:
    @pytest.mark.parametrize(
        ("reason", "words", "seen"),
        [
            ("SecretMetadataEdited", "ownerReference, label team, last changed by kubectl-label", DRIFTED),
            ("SecretMetadataOutdated", "of an earlier spec", OUTDATED),
            ("SecretMetadataEdited", "team", replace(DRIFTED, client=None)),
            ("SecretMetadataEdited", "team", change(DRIFTED, secret=token_secret(facts(NOW - 23 * HOUR)), **OUTAGE)),
        ],
    )
    def test_says_why_and_needs_neither_ims_nor_a_client_secret(self, reason: str, words: str, seen: Observed) -> None:
        decision = decide(seen, NOW)
        assert isinstance(decision, WriteMetadata)
        assert decision.need.reason == reason
        assert words in decision.need.message

    @pytest.mark.parametrize(
        "seen",
        [
            FRESH,
            change(DRIFTED, spec=spec(suspend=True)),
            replace(DRIFTED, forbidden="label owner=helm"),
            replace(DRIFTED, secret=token_secret(facts(), credential_uid="uid-2", controller_uid="x", credential=None)),
            replace(FRESH, secret=token_secret(facts(), credential_uid="uid-0", credential=Key("photos", "lightroom"))),
            replace(DRIFTED, in_flight=True),
            replace(DRIFTED, secret=token_secret(None)),
        ],
    )
    def test_is_not_made_where_it_is_not_needed_or_the_secret_may_not_be_touched(self, seen: Observed) -> None:
        assert not isinstance(decide(seen, NOW), WriteMetadata)

    @given(worlds.anything, worlds.instants)
    def test_is_of_a_secret_that_is_its_own_and_never_while_it_is_suspended(
        self, seen: Observed, now: datetime
    ) -> None:
        if isinstance(decide(seen, now), WriteMetadata):
            assert seen.secret is not None
            assert seen.secret.credential_uid == seen.uid
            assert not seen.spec.suspend
            assert seen.forbidden is None

    @given(worlds.anything, worlds.instants)
    def test_leaves_nothing_to_write(self, seen: Observed, now: datetime) -> None:
        decision = decide(seen, now)
        if not isinstance(decision, WriteMetadata) or seen.facts is None or seen.secret is None:
            return
        digest = seen.spec_digests.whole if seen.is_of_this_spec else seen.facts.spec_digest
        written = replace(seen.secret, facts=replace(seen.facts, spec_digest=digest), version=102)
        version = SeenTokenSecret(102, intact=True, spec_digest=seen.spec_digests.whole)
        after = attempt.metadata_written(seen.attempts, version, decision.need, seen.spec_digests.whole, now, 0.0)
        then = replace(seen, secret=written, differences=NO_DIFFERENCES, attempts=after)
        for later in (now, now + 2 * HOUR):
            assert not isinstance(decide(then, later), WriteMetadata)

    def test_does_not_wait_for_what_was_never_compared(self) -> None:
        decision = decide(replace(FRESH, differences=None), NOW)
        assert isinstance(decision, Look)
        assert decision.step is Step.READ_TOKEN_SECRET


class TestAFight:
    def writes(self, every: timedelta) -> tuple[list[datetime], Observed]:
        """When the metadata is written within an hour, while somebody undoes it each time so much later."""
        seen, now, moments = DRIFTED, NOW, []
        while now < NOW + HOUR:
            decision = decide(seen, now)
            if isinstance(decision, WriteMetadata):
                moments.append(now)
                version = SeenTokenSecret(101, intact=True, spec_digest="spec-1", differences=EDITED)
                after = attempt.metadata_written(seen.attempts, version, decision.need, "spec-1", now, 0.0)
                seen = replace(seen, attempts=after)
                now += every
            else:
                assert isinstance(decision, Wait)
                assert decision.look_again_at > now
                now = decision.look_again_at
        return moments, seen

    def test_is_answered_more_and_more_slowly(self) -> None:
        moments, _ = self.writes(timedelta(milliseconds=1))
        assert [round((moment - NOW).total_seconds()) for moment in moments[:5]] == [0, 1, 3, 7, 15]
        assert len(moments) < 25

    @given(st.integers(0, 3000).map(lambda seconds: timedelta(seconds=seconds)))
    def test_never_takes_more_than_a_write_in_five_minutes_for_long(self, every: timedelta) -> None:
        moments, _ = self.writes(every or timedelta(milliseconds=1))
        assert len([moment for moment in moments if moment > NOW + HOUR / 2]) <= 7

    def test_is_reported_after_a_few_rounds_and_until_it_has_been_quiet(self) -> None:
        _, seen = self.writes(timedelta(milliseconds=1))
        assert seen.attempts.metadata is not None
        last = seen.attempts.metadata.at
        calm = replace(seen, differences=NO_DIFFERENCES)
        for each in (seen, calm):
            found = problem(each, decide(each, last), last)
            assert found is not None
            assert found.reason is Reason.SECRET_METADATA_CONTESTED
            assert "label team, last changed by kubectl-label" in found.message
        decision = decide(calm, last)
        assert isinstance(decision, Wait)
        assert decision.look_again_at == last + METADATA_ROW, "to clear it"
        assert problem(calm, decide(calm, decision.look_again_at), decision.look_again_at) is None

    def test_of_a_few_rounds_is_no_news(self) -> None:
        few = DRIFTED.attempts
        for _ in range(FREE_WRITES):
            version = SeenTokenSecret(101, intact=True, spec_digest="spec-1", differences=EDITED)
            few = attempt.metadata_written(few, version, Finding(Reason.DUE, ""), "spec-1", NOW, 0.0)
        seen = replace(DRIFTED, attempts=few)
        assert problem(seen, decide(seen, NOW), NOW) is None

    def test_does_not_keep_a_token_from_being_rotated(self) -> None:
        _, seen = self.writes(timedelta(milliseconds=1))
        due = NOW + 23 * HOUR
        assert not isinstance(decide(seen, due), Wait | Refuse | WriteMetadata)


class TestAWriteThatFails:
    REFUSED = Trouble(Finding(Reason.SECRET_WRITE_REFUSED, "it was refused"), Pace.REFUSED_WRITE)
    CONFLICT = Trouble(Finding(Reason.SECRET_WRITE_FAILED, "it keeps changing"), Pace.API_SERVER, passing=True)

    def failed(self, *troubles: Trouble) -> Observed:
        known = DRIFTED.attempts
        for trouble in troubles:
            known = attempt.metadata_failed(known, trouble, Finding(Reason.DUE, ""), "spec-1", NOW, 0.0)
        return replace(DRIFTED, attempts=known)

    def test_is_reported_and_tried_again_and_leaves_the_token_its_time(self) -> None:
        seen = self.failed(self.REFUSED)
        decision = decide(seen, NOW)
        assert isinstance(decision, Wait)
        assert decision.look_again_at == NOW + 5 * SECOND
        assert decision.attempt_at == NOW + 23 * HOUR
        assert problem(seen, decision, NOW) == self.REFUSED.finding
        assert isinstance(decide(seen, NOW + 5 * SECOND), WriteMetadata)

    def test_is_tried_at_once_when_the_spec_changes(self) -> None:
        seen = replace(self.failed(*[self.REFUSED] * 9), spec_digests=SpecDigests("spec-2", "spec-1"))
        assert isinstance(decide(seen, NOW), WriteMetadata)

    def test_is_no_news_where_it_is_likely_gone_a_moment_later(self) -> None:
        seen = self.failed(self.CONFLICT)
        assert isinstance(decide(seen, NOW), WriteMetadata)
        assert problem(seen, decide(seen, NOW), NOW) is None
        seen = self.failed(self.CONFLICT, self.CONFLICT)
        assert problem(seen, decide(seen, NOW), NOW) == self.CONFLICT.finding

    def test_is_forgotten_once_nothing_is_to_be_written(self) -> None:
        seen = replace(self.failed(self.REFUSED), differences=NO_DIFFERENCES)
        assert problem(seen, decide(seen, NOW), NOW) is None


OTHER: JSON = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-of-web"}
NAMES = st.sampled_from(["team", "tier", "app.kubernetes.io/managed-by", "a", "b"])
MAPS = st.dictionaries(NAMES, st.sampled_from(["1", "2"]))
OWNERS = st.lists(
    st.sampled_from(
        [
            OTHER,
            {**OTHER, "uid": "x", "controller": True},
            {"apiVersion": API_VERSION, "kind": KIND, "name": "lightroom", "uid": "uid-1", "controller": True},
            {"apiVersion": API_VERSION, "kind": KIND, "name": "renamed", "uid": "uid-1"},
            {"apiVersion": API_VERSION, "kind": KIND, "name": "lightroom", "uid": "uid-0", "controller": True},
        ]
    ),
    unique_by=lambda each: each["uid"],
    max_size=4,
)
POLICIES = st.sampled_from(["Delete", "Retain"])


@given(MAPS, MAPS, MAPS, MAPS, OWNERS, POLICIES)
def test_what_was_written_over_whatever_there_was_differs_in_nothing(
    labels: dict[str, str],
    annotations: dict[str, str],
    found: dict[str, str],
    noted: dict[str, str],
    owners: list[JSON],
    policy: Any,
) -> None:
    template = SecretTemplate("token", labels=labels, annotations=annotations, deletion_policy=policy)
    owner = Owner(Key("photos", "lightroom"), "uid-1", "uid-0")
    references = owner.references(policy, owners)
    after = found | wanted_labels(template), noted | annotations
    assert (
        compare(template, owner, labels=after[0], annotations=after[1], owners=references, data_keys=["access_token"])
        == NO_DIFFERENCES
    )
    assert owner.references(policy, references) == references
    assert [each for each in references if not owner.is_of(each)] == [each for each in owners if not owner.is_of(each)]
    assert len([each for each in references if each.get("controller")]) <= 1
    assert [each["uid"] for each in references if owner.is_of(each)] == ([] if policy == "Retain" else ["uid-1"])


def test_what_differs_is_named() -> None:
    template = SecretTemplate("token", labels={"team": "photos"}, annotations={"note": "1"})
    found = compare(
        template,
        Owner(Key("photos", "lightroom"), "uid-1"),
        labels={"app.kubernetes.io/managed-by": "adobe-ims-operator", "theirs": "1"},
        annotations={"note": "2", "theirs": "1"},
        owners=[OTHER],
        data_keys=["access_token", *(f"key-{n:02}" for n in range(12))],
        editor="kubectl-label",
    )
    assert found.metadata == ("ownerReference", "label team", "annotation note")
    assert found.keys == tuple(f"key-{n:02}" for n in range(MAX_NAMED))
    assert (found.more_keys, found.editor) == (2, "kubectl-label")


class TestAnAdoption:
    FOREIGN = token_secret(None, credential_uid=None, controller_uid=None)

    def adopting(self, differences: Differences | None, **template: bool) -> Observed:
        adopting = spec(secret=SecretTemplate("lightroom-token", adopt=True, **template))  # type: ignore[arg-type]
        return replace(observed(self.FOREIGN, spec=adopting), differences=differences)

    def test_looks_for_keys_that_it_would_delete_before_ims_is_asked(self) -> None:
        decision = decide(self.adopting(None), NOW)
        assert isinstance(decision, Look)
        assert decision.step is Step.READ_TOKEN_SECRET

    def test_that_would_delete_keys_is_refused_and_names_them(self) -> None:
        decision = decide(self.adopting(Differences(keys=("tls.crt", "tls.key"), more_keys=3)), NOW)
        assert isinstance(decision, Refuse)
        assert decision.finding.reason is Reason.ADOPTION_DROPS_KEYS
        for word in ("tls.crt, tls.key and 3 more", "spec.secret.data", "spec.secret.dropOtherKeys"):
            assert word in decision.finding.message

    @pytest.mark.parametrize("template", [{"drop_other_keys": True}, {}])
    def test_that_may_delete_keys_or_has_none_to_delete_goes_on(self, template: dict[str, bool]) -> None:
        keys = ("mine",) if template else ()
        assert not isinstance(decide(self.adopting(Differences(keys=keys), **template), NOW), Refuse | Look)

    def test_of_what_the_operator_wrote_itself_deletes_what_it_likes(self) -> None:
        seen = replace(observed(token_secret(facts())), differences=Differences(keys=("intruder",)), intact=False)
        assert not isinstance(decide(seen, NOW), Refuse)

"""The ledger of a managed Secret is read as it was written, or not at all."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.client_secret import CredentialId
from adobe_ims_operator.api.client_secret_ledger import (
    LEDGER_ANNOTATION,
    Adding,
    Draining,
    Held,
    Ledger,
    NoLedger,
    Origin,
    Orphaned,
    Phase,
    Proving,
    Slot,
    Steady,
    digest_client_secret,
    read_ledger,
)

CREDENTIAL = CredentialId("23294", "436084")
AT = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=1000)).map(lambda age: AT + age)
CURRENT = Held("a", "aa", Origin.ALONE, AT)


def helds(uuid: str, digest: str) -> st.SearchStrategy[Held]:
    return st.builds(Held, st.just(uuid), st.just(digest), st.sampled_from(Origin), MOMENTS)


PHASES: st.SearchStrategy[Phase] = st.one_of(
    st.just(Steady()),
    st.builds(Adding, MOMENTS),
    st.builds(Proving, helds("b", "bb"), st.none() | MOMENTS),
    st.builds(Draining, helds("b", "bb"), st.booleans()),
    st.builds(
        Orphaned, st.just("b"), MOMENTS, certain=st.booleans(), deleting=st.booleans(), was_in_place=st.booleans()
    ),
)


def ledger(phase: Phase) -> Ledger:
    return Ledger(CREDENTIAL, "photos/client", "id", CURRENT, phase, AT, "now")


@given(phase=PHASES)
def test_it_is_read_as_it_was_written(phase: Phase) -> None:
    assert read_ledger(ledger(phase).to_annotations()) == ledger(phase)


@given(phase=PHASES, data=st.data())
def test_half_of_it_is_damaged(phase: Phase, data: st.DataObject) -> None:
    text = ledger(phase).to_annotations()[LEDGER_ANNOTATION]
    cut = data.draw(st.integers(0, len(text) - 1))
    assert read_ledger({LEDGER_ANNOTATION: text[:cut]}) is NoLedger.DAMAGED


@pytest.mark.parametrize("field", ["credential", "secret", "clientId", "current", "phase"])
def test_without_a_field_it_is_damaged(field: str) -> None:
    written = json.loads(ledger(Steady()).to_annotations()[LEDGER_ANNOTATION])
    del written[field]
    assert read_ledger({LEDGER_ANNOTATION: json.dumps(written)}) is NoLedger.DAMAGED


@pytest.mark.parametrize("change", [{"format": "2"}, {"phase": {"phase": "Later"}}, {"rotateRequest": "x" * 9000}])
def test_one_of_another_version_is_damaged(change: dict[str, object]) -> None:
    written = json.loads(ledger(Steady()).to_annotations()[LEDGER_ANNOTATION]) | change
    assert read_ledger({LEDGER_ANNOTATION: json.dumps(written)}) is NoLedger.DAMAGED


@given(text=st.text() | st.integers(1, 5000).map(lambda depth: "[" * depth))
def test_any_text_is_damaged(text: str) -> None:
    assert read_ledger({LEDGER_ANNOTATION: text}) is NoLedger.DAMAGED


def test_there_is_none_in_a_secret_of_somebody_else() -> None:
    assert read_ledger({"a": "b"}) is NoLedger.ABSENT


@pytest.mark.parametrize(
    "phase",
    [
        Proving(replace(CURRENT, digest="bb")),
        Proving(replace(CURRENT, uuid="b")),
        Draining(CURRENT),
        Orphaned("a", AT, certain=True),
    ],
)
def test_one_client_secret_stands_in_one_place(phase: Phase) -> None:
    with pytest.raises(ValueError, match="two places"):
        ledger(phase)


def test_an_orphan_of_an_older_ledger_counts_as_one_that_was_in_place() -> None:
    orphan = Orphaned("b", AT, certain=True, was_in_place=False, overlap=timedelta(hours=24))
    written = json.loads(ledger(orphan).to_annotations()[LEDGER_ANNOTATION])
    del written["phase"]["wasInPlace"], written["phase"]["overlap"]
    read = read_ledger({LEDGER_ANNOTATION: json.dumps(written)})
    assert isinstance(read, Ledger)
    assert read.phase == replace(orphan, was_in_place=True, overlap=None)
    assert isinstance(read.phase, Orphaned)
    assert read.phase.may_be_in_use
    assert not replace(read.phase, certain=False).may_be_in_use, "it was never in place"


def test_it_says_what_is_under_which_key() -> None:
    other = Held("b", "bb", Origin.ADDED, AT + timedelta(hours=1))
    assert ledger(Proving(other)).held == {Slot.CURRENT: CURRENT, Slot.NEXT: other}
    assert ledger(Draining(other)).held == {Slot.CURRENT: CURRENT, Slot.PREVIOUS: other}


def test_a_digest_is_of_one_credential() -> None:
    other = CredentialId("23294", "1")
    assert digest_client_secret(CREDENTIAL, "value") != digest_client_secret(other, "value")
    assert "value" not in digest_client_secret(CREDENTIAL, "value")

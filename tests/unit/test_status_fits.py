"""A status is bounded by the CRD, anyone who writes it, and what the operator writes always fits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.reasons import Reason
from adobe_ims_operator.api.resource import PLURAL, Workload
from adobe_ims_operator.api.status import to_json
from adobe_ims_operator.core import restarts
from adobe_ims_operator.core.backoff import Pace
from adobe_ims_operator.core.events import MOST_NOTE
from adobe_ims_operator.core.events import derive as derive_events
from adobe_ims_operator.core.finding import LONGEST_MESSAGE, Finding
from adobe_ims_operator.core.model import Failure, Observed, Step
from adobe_ims_operator.core.policy import decide
from adobe_ims_operator.core.status import derive
from testbed import read_yaml
from testbed.cluster import CRDS
from unit.worlds import INPUTS, NOW, change, facts, observed, spec, token_secret


def status_of(plural: str) -> dict[str, Any]:
    """The schema of a kind's status."""
    (version,) = read_yaml.load((CRDS / f"{plural}.yaml").read_text())["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return found


SCHEMA = status_of(PLURAL)
MIB = 2**20
BYTES_OF_A_CHARACTER = 4


def most_bytes(schema: dict[str, Any]) -> int:
    """The bytes that a value of this schema takes at most; raises KeyError where it has no bound."""
    match schema["type"]:
        case "object":
            return sum(len(name) + most_bytes(field) for name, field in schema["properties"].items())
        case "array":
            return int(schema["maxItems"]) * most_bytes(schema["items"])
        case "string" if "enum" in schema:
            return max(len(value) for value in schema["enum"])
        case "string":
            return int(schema["maxLength"]) * BYTES_OF_A_CHARACTER
        case kind:
            return {"integer": 20, "boolean": 5}[kind]


def misfits(value: Any, schema: dict[str, Any], where: str = "status") -> list[str]:
    """What does not fit the bounds of a schema."""
    if isinstance(value, dict):
        fields = schema["properties"]
        return [text for name, each in value.items() for text in misfits(each, fields[name], f"{where}.{name}")]
    if isinstance(value, list):
        over = [] if len(value) <= schema["maxItems"] else [where]
        return over + [text for each in value for text in misfits(each, schema["items"], where)]
    if isinstance(value, str) and "enum" not in schema:
        return [] if schema.get("minLength", 0) <= len(value) <= schema["maxLength"] else [f"{where}: {len(value)}"]
    return []


@pytest.mark.parametrize("plural", sorted(path.stem for path in CRDS.glob("*.yaml")))
def test_a_status_takes_less_than_a_mebibyte_whoever_writes_it(plural: str) -> None:
    assert most_bytes(status_of(plural)) < MIB


long_texts = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.integers(0, 3 * 4096))


@st.composite
def said_at_length(draw: st.DrawFn) -> Observed:
    """A credential of which everything that may be quoted is long."""
    failure = Failure(
        Step.WRITE, Finding(Reason.SECRET_WRITE_FAILED, draw(long_texts)), 1, 1, Pace.API_SERVER, NOW, INPUTS, None
    )
    known = draw(
        st.sampled_from(
            [
                None,
                facts(
                    client_secret_key="k" * 317,
                    rotate_request="\x00" * 128,
                    rotation_id=f"{int(NOW.timestamp())}-{'a' * 32}",
                ),
                facts(NOW - timedelta(days=3)),
            ]
        )
    )
    secret = None if known is None else token_secret(known)
    names = tuple(Workload("Deployment", f"{number}".rjust(253, "x")) for number in range(32))
    return change(
        observed(secret, failure=failure, clean_up=failure),
        spec=spec(restart=names, suspend=draw(st.booleans()), secret=replace(spec().secret, name="s" * 253)),
    )


@given(said_at_length(), long_texts)
def test_what_the_operator_writes_fits(seen: Observed, said: str) -> None:
    rotation = restarts.rotation_of(seen, NOW)
    how_far = None
    before = seen.credential.status
    if rotation is not None:
        known = {
            workload: restarts.note(rotation, workload, Finding(Reason.RESTART_REFUSED, said), None, NOW, 0.0)
            for workload in rotation.workloads
        }
        how_far = restarts.report(rotation, before, known)
    after = derive(seen, decide(seen, NOW), before, NOW, how_far)
    assert misfits(to_json(after)["status"], SCHEMA) == []
    assert all(len(event.shortened().note.encode()) <= MOST_NOTE for event in derive_events(before, after, ()))


def test_the_longest_ready_condition_fits_with_all_that_it_quotes() -> None:
    room = SCHEMA["properties"]["conditions"]["items"]["properties"]["message"]["maxLength"]
    assert room >= 3 * (LONGEST_MESSAGE + 3) + 1024

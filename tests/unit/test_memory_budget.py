"""The large credentials of one namespace take so much memory and no more, and those of others lose nothing by it."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Credential, Key, SecretTemplate
from adobe_ims_operator.api.status import Condition, Status
from adobe_ims_operator.cache.memory_budget import MOST, Budget
from adobe_ims_operator.cache.store import Store
from unit import worlds
from unit.worlds import spec

EMOJI = "\N{GRINNING FACE}"  # four bytes in memory, as each other character of the same text then


def large(namespace: str, name: str, characters: int = 128 * 1024) -> Credential:
    texts = {f"k{n}": EMOJI * (characters // 8) for n in range(8)}
    template = SecretTemplate(name, data={"token": "$(access_token)", **texts})
    return worlds.credential(key=Key(namespace, name), uid=f"{namespace}-{name}", spec=spec(secret=template))


def test_what_does_not_fit_is_refused_and_says_what_to_do() -> None:
    budget = Budget()
    admitted = [budget.admit(large("greedy", f"c-{number}")) for number in range(100)]
    served = [each for each in admitted if not each.spec.invalid]
    assert 55 <= len(served) < 64
    refused = admitted[-1].spec
    assert "namespace greedy take more than 32 MiB" in refused.invalid
    assert refused.secret.name == "c-99", "nobody else takes its Secret"
    assert "k0" not in refused.secret.data
    assert not budget.admit(large("other", "c")).spec.invalid
    assert not budget.admit(large("greedy", "light", 1024)).spec.invalid
    budget.release(Key("greedy", "c-0"))
    assert not budget.admit(large("greedy", "c-99")).spec.invalid


def test_what_was_refused_fits_as_soon_as_others_give_room_back() -> None:
    budget = Budget()
    for number in range(70):
        budget.admit(large("greedy", f"c-{number:02}"))
    refused = budget.admit(large("greedy", "late"))
    assert refused.spec.invalid
    assert not budget.fitting()
    told = replace(refused, status=Status(conditions=(Condition("Ready", "False", "SpecInvalid", "too large"),)))
    assert budget.admit(told) == told, "its status is told of it"
    budget.release(Key("greedy", "c-00"))
    assert Key("greedy", "late") in budget.fitting()
    assert not budget.admit(large("greedy", "late")).spec.invalid
    assert not budget.fitting()
    budget.release(Key("greedy", "c-01"))
    for key in budget.fitting():
        budget.release(key)
    assert not budget.fitting(), "what is deleted waits for no room"


def test_what_was_refused_is_taken_up_where_it_is_read_again_and_at_no_other_time() -> None:
    woken: list[Key] = []
    store = Store(lambda key, _after: woken.append(key))
    for version in range(1, 71):
        store.upsert_credential(replace(large("greedy", f"c-{version:02}"), version=version))
    late = replace(large("greedy", "late"), version=71)
    store.upsert_credential(late)
    woken.clear()
    store.upsert_credential(late)
    assert not woken
    store.delete_credential(Key("greedy", "c-01"), "greedy-c-01")
    woken.clear()
    store.upsert_credential(replace(late, version=70))
    assert not woken, "an older state is none"
    store.upsert_credential(late)
    assert set(woken) == {late.key}
    assert store.credentials[late.key] == late


def test_a_large_status_counts_too() -> None:
    budget = Budget()
    status = Status(conditions=tuple(Condition(str(n), "True", "R", EMOJI * 2**18) for n in range(16)))
    first, second, third = (replace(large("greedy", name, 1024), status=status) for name in "abc")
    assert budget.admit(first).status == status
    assert budget.admit(second).spec.invalid
    assert budget.admit(replace(third, status=Status())).spec == third.spec


def test_the_status_that_the_operator_wrote_itself_counts() -> None:
    store = Store(lambda _key, _after: None)
    status = Status(conditions=tuple(Condition(str(n), "True", "R", EMOJI * 2**18) for n in range(16)))
    for version, name in enumerate("abc", start=1):
        store.upsert_credential(replace(large("greedy", name, 1024), version=version))
        credential = store.credentials[Key("greedy", name)]
        metadata = {"uid": credential.uid, "resourceVersion": "100", "generation": credential.generation}
        store.update_own_status(credential.key, metadata, status)
    assert [bool(store.credentials[Key("greedy", name)].spec.invalid) for name in "abc"] == [False, True, True]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2 * MOST // 8)), max_size=12))
def test_it_admits_exactly_what_fits(steps: list[tuple[str, int]]) -> None:
    budget = Budget()
    taken: dict[str, int] = {}
    for name, characters in steps:
        admitted = budget.admit(large("n", name, characters - characters % 8))
        taken.pop(name, None)
        size = 4 * characters
        fits = size < 8 * 1024 or sum(taken.values()) + size <= MOST - 64 * 1024
        if fits:
            assert not admitted.spec.invalid
        if size > MOST - sum(taken.values()):
            assert admitted.spec.invalid
        if not admitted.spec.invalid and size > 16 * 1024:
            taken[name] = size


def test_however_many_namespaces_have_large_ones_they_fit_into_memory_together_and_each_has_a_share() -> None:
    budget = Budget()
    served = Counter[str]()
    for number in range(20):
        for name in range(70):
            admitted = budget.admit(large(f"greedy-{number}", f"c-{name}"))
            served[f"greedy-{number}"] += not admitted.spec.invalid
    assert 2**19 * sum(served.values()) < 200 * 2**20
    assert served["greedy-0"] > 55
    assert served["greedy-19"] >= 5
    assert not budget.admit(large("other", "c")).spec.invalid
    unchanged = large("greedy-0", "c-1")
    assert not budget.admit(unchanged).spec.invalid, "what was served goes on to be"


def test_what_others_leave_is_for_a_namespace_with_many_large_ones() -> None:
    budget = Budget()
    for number in range(20):
        assert not budget.admit(large(f"other-{number}", "c", 8 * 1024)).spec.invalid
    assert not [number for number in range(55) if budget.admit(large("platform", f"c-{number}")).spec.invalid]


def test_what_was_served_stays_so_when_its_status_changes_and_there_is_no_room() -> None:
    budget = Budget()
    mine = large("platform", "c")
    assert not budget.admit(mine).spec.invalid
    for number in range(300):
        budget.admit(large("platform", f"c-{number}"))
        budget.admit(large(f"other-{number}", "c"))
    told = replace(mine, status=Status(conditions=(Condition("Ready", "True", "R", "m" * 10_000),)))
    assert budget.admit(told) == told
    forged = Status(conditions=(Condition("Ready", "True", "R", "m" * 100_000),))
    assert budget.admit(replace(mine, status=forged)).spec.invalid
    assert budget.admit(large("platform", "c", 256 * 1024)).spec.invalid

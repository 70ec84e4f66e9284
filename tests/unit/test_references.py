"""Who refers to what is what a dictionary of sets says."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cache.index import Claims, References

KEYS = [Key("photos", name) for name in ("a", "b", "c")]
steps = st.tuples(st.booleans(), st.sampled_from(["x", "y"]), st.sampled_from(KEYS))


@given(st.lists(steps, max_size=30))
def test_it_holds_what_was_added_and_not_removed(taken: list[tuple[bool, str, Key]]) -> None:
    references: References[str] = References()
    expected: defaultdict[str, set[Key]] = defaultdict(set)
    for add, to, key in taken:
        before = references.of(to)
        copy = set(before)
        if add:
            references.add(to, key)
            expected[to].add(key)
        else:
            references.remove(to, key)
            expected[to].discard(key)
        assert set(before) == copy, "what was given out does not change under who goes through it"
        assert sorted(references.of(to)) == sorted(expected[to])
    assert len(references) == sum(bool(keys) for keys in expected.values())


ranks = st.dictionaries(st.sampled_from([Key("photos", name) for name in "abcdef"]), st.integers(0, 3), max_size=6)


@given(ranks, st.data())
def test_the_first_claims_are_the_first_of_all_sorted(wanted: dict[Key, int], data: st.DataObject) -> None:
    secret = Key("photos", "token")
    claims: Claims[Key] = Claims(lambda key: (wanted[key],))
    for key in wanted:
        claims.add(secret, key)
    for key in data.draw(st.lists(st.sampled_from(sorted(wanted)), unique=True) if wanted else st.just([])):
        claims.remove(secret, key)
        del wanted[key]
    expected = sorted(wanted, key=lambda key: (wanted[key], key))
    assert (list(claims.first(secret)), claims.count(secret)) == (expected, len(expected))
    assert list(claims.first(secret, 2)) == expected[:2]
    assert len(claims) == (1 if wanted else 0)

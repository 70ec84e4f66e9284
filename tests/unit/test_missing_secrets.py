"""For how long there was no Secret of a name is never told longer than it is, and few deletions are remembered."""

from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import Key
from adobe_ims_operator.cache.missing_secrets import LONGEST_SECONDS, MAX_DELETIONS, Absences

TOKEN = Key("photos", "lightroom")


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


steps = st.lists(
    st.tuples(
        st.sampled_from(["list", "list all", "delete", "wait"]),
        st.sampled_from([TOKEN, Key("photos", "other"), Key("videos", "lightroom")]),
        st.floats(0, 5000),
    )
)


@given(steps)
def test_an_absence_is_told_from_the_latest_list_or_deletion_on(history: list[tuple[str, Key, float]]) -> None:
    time = Time()
    absences, since = Absences(time), dict[str, float]()
    for action, key, seconds in history:
        match action:
            case "list":
                absences.listed(key.namespace)
            case "list all":
                absences.listed(None)
            case "delete":
                absences.deleted(key)
            case _:
                time.now += seconds
                continue
        if (action, key.namespace) == ("list", "photos") or action == "list all":
            since["listed"] = time.now
        elif (action, key) == ("delete", TOKEN):
            since["deleted"] = time.now
    told = absences.seconds(TOKEN)
    if "listed" not in since:
        assert told == 0
    else:
        assert told == min(time.now - max(since.values()), LONGEST_SECONDS)


def test_with_too_many_deletions_all_names_of_that_namespace_count_as_deleted_and_no_other() -> None:
    time = Time()
    absences = Absences(time)
    absences.listed(None)
    time.now = 100.0
    for number in range(MAX_DELETIONS):
        absences.deleted(Key("photos", f"secret-{number}"))
    assert absences.seconds(TOKEN) == 100
    absences.deleted(Key("photos", "one-more"))
    assert absences.seconds(TOKEN) == 0
    assert absences.seconds(Key("videos", "lightroom")) == 100
    time.now += LONGEST_SECONDS + 1
    absences.deleted(Key("photos", "later"))
    assert absences.seconds(TOKEN) == LONGEST_SECONDS

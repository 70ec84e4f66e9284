"""Which labels, annotations and types no token Secret may be made with, and how they are written."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.resource import SecretTemplate
from adobe_ims_operator.core.forbidden_metadata import ALWAYS, DEFAULT, Forbidden, ForbiddenError

PLAIN = SecretTemplate("lightroom-token")
words = st.text("abc./-", min_size=1, max_size=6)


def labels(**named: str) -> SecretTemplate:
    return replace(PLAIN, labels={name.replace("__", "/").replace("_", "-"): value for name, value in named.items()})


@pytest.mark.parametrize("pattern", [*DEFAULT, *ALWAYS])
def test_each_of_the_default_is_found_and_named(pattern: str) -> None:
    kind, _, rest = pattern.partition(":")
    name, _, value = rest.partition("=")
    named = {name: value or "x"}
    template = {
        "type": replace(PLAIN, type=name),
        "label": replace(PLAIN, labels=named),
        "annotation": replace(PLAIN, annotations=named),
    }[kind]
    assert Forbidden.parse(["default"]).first(template) == f"{kind} {rest}"


@pytest.mark.parametrize(
    "template",
    [
        PLAIN,
        replace(PLAIN, type="kubernetes.io/basic-auth"),
        replace(PLAIN, labels={"argocd.argoproj.io/secret-type": "repository", "owner": "platform"}),
        replace(PLAIN, annotations={"reflector.v1.k8s.emberstack.com/reflection-allowed": "true", "owner": "helm"}),
    ],
)
def test_what_is_a_real_use_is_allowed_by_default(template: SecretTemplate) -> None:
    assert Forbidden.parse(["default"]).first(template) is None


def test_types_for_which_kubernetes_gives_out_credentials_are_never_allowed() -> None:
    nothing = Forbidden.parse(["none"])
    assert nothing.first(labels(owner="helm")) is None
    for pattern in ALWAYS:
        assert nothing.first(replace(PLAIN, type=pattern.removeprefix("type:"))) is not None


@given(words, words, words)
def test_a_star_forbids_all_that_begin_so_and_a_value_only_itself(name: str, more: str, value: str) -> None:
    given_labels = replace(PLAIN, labels={name + more: value})
    assert Forbidden.parse([f"label:{name}*"]).first(given_labels) == f"label {name + more}"
    assert Forbidden.parse([f"label:{name}"]).first(given_labels) is None
    assert Forbidden.parse([f"annotation:{name}*"]).first(given_labels) is None
    assert Forbidden.parse([f"label:{name + more}={value}"]).first(given_labels) == f"label {name + more}={value}"
    assert Forbidden.parse([f"label:{name + more}={value}x"]).first(given_labels) is None


@pytest.mark.parametrize("pattern", ["", "*", "label:", "label:*", "type:a=b", "name:x", "label:a*b", "label:a b"])
def test_what_can_not_be_read_is_refused_with_the_form_that_is_meant(pattern: str) -> None:
    with pytest.raises(ForbiddenError, match="write label:KEY"):
        Forbidden.parse([pattern])


def test_a_rule_for_one_name_goes_through_no_others() -> None:
    class Unread(dict[str, str]):
        def items(self) -> Any:
            raise AssertionError("a hundred thousand labels would be gone through")

        __iter__ = items

    labels = Unread({f"l{number}": "" for number in range(100)}, owner="helm")
    rules = Forbidden.parse(["label:owner=helm", "annotation:x*"])
    assert rules.first_of("Opaque", labels, {}) == "label owner=helm"

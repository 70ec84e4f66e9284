"""Placeholders are replaced, once, and whatever is no placeholder stays as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adobe_ims_operator.api.placeholders import NAMES, TemplateError, render

VALUES = {name: f"<{name}>" for name in NAMES} | {"access_token": "hidden-token"}
PIECES = st.sampled_from(["$", "$$", "$(", ")", "(", "access_token", "$(access_token)", "$(nope)", "\n", " ", "a"])
TEXTS = st.text() | st.lists(PIECES, max_size=8).map("".join)


def escape(text: str) -> str:
    return text.replace("$", "$$")


@given(st.text().filter(lambda text: "$" not in text))
def test_a_text_without_a_dollar_is_unchanged(text: str) -> None:
    assert render(text, VALUES) == text


@given(TEXTS)
def test_an_escaped_text_is_given_back(text: str) -> None:
    assert render(escape(text), VALUES) == text


@given(TEXTS, st.sampled_from(NAMES), TEXTS)
def test_a_placeholder_is_replaced_wherever_it_stands(before: str, name: str, after: str) -> None:
    assert render(f"{escape(before)}$({name}){escape(after)}", VALUES) == f"{before}{VALUES[name]}{after}"


@given(TEXTS)
def test_a_value_is_never_expanded_again(value: str) -> None:
    values = VALUES | {"client_id": value, "scope": value}
    assert render("$(client_id)$$$(scope)", values) == f"{value}${value}"


@given(TEXTS)
def test_anything_else_is_a_template_error_without_a_value_in_it(text: str) -> None:
    said = ""
    try:
        render(text, VALUES)
    except TemplateError as error:
        said = str(error)
    assert "hidden-token" not in said
    assert "$(" in text or not said


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", ""),
        ("$(access_token)", "hidden-token"),
        ("Bearer $(access_token)", "Bearer hidden-token"),
        ("$(client_id)$(scope)", "<client_id><scope>"),
        ("$$(access_token)", "$(access_token)"),
        ("$$$(client_id)", "$<client_id>"),
        ("$$$$(client_id)", "$$(client_id)"),
        ("$$", "$"),
        ("$", "$"),
        ("100$", "100$"),
        ("$x ${client_id} $client_id", "$x ${client_id} $client_id"),
        ("$ (client_id)", "$ (client_id)"),
        ("(client_id)", "(client_id)"),
        ("$(client_id))", "<client_id>)"),
        ("$$(", "$("),
        ("$(issued_at)\n$(expires_at)\r\n\t$(token_type) ", "<issued_at>\n<expires_at>\r\n\t<token_type> "),
    ],
)
def test_only_a_name_in_parentheses_after_a_dollar_is_a_placeholder(text: str, rendered: str) -> None:
    assert render(text, VALUES) == rendered


def test_a_whole_file_may_be_written() -> None:
    text = '{\n  "clientId": "$(client_id)",\n  "accessToken": "$(access_token)",\n  "cost": "5 $$"\n}\n'
    assert json.loads(render(text, VALUES)) == {
        "clientId": "<client_id>",
        "accessToken": "hidden-token",
        "cost": "5 $",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$(nope)", "$(nope)"),
        ("$(access_token) $(client_secret)", "$(client_secret)"),
        ("$(ACCESS_TOKEN)", "$(ACCESS_TOKEN)"),
        ("$( access_token )", "$( access_token )"),
        ("$()", "$()"),
        ("$(access_token", "$( without its closing parenthesis"),
        ("$(", "$( without its closing parenthesis"),
        ("$($(access_token))", "$( without its closing parenthesis"),
        ("$$$(nope)", "$(nope)"),
        ("x\n$(nope)\ny", "$(nope)"),
    ],
)
def test_an_unknown_or_unclosed_placeholder_is_told_with_those_that_there_are(text: str, shown: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        render(text, VALUES)
    message = str(refusal.value)
    assert message.startswith(f"unknown placeholder {shown}; use ")
    assert all(f"$({name})" in message for name in NAMES)
    assert "write $$( for a literal $(" in message
    assert "hidden-token" not in message


def test_there_is_no_placeholder_for_the_client_secret() -> None:
    assert [name for name in NAMES if "secret" in name] == []

"""The filter of ``ListUsers``: the documented forms, and nothing else."""

from __future__ import annotations

import time

import pytest
from django.db.models import Q

from accounts.contracts.bytebase.filters import condition
from accounts.wire.contract import Faulted

ADA = Q(email_key="ada@x.org")
NAMED = Q(display_name="Ada") | Q(display_name="", username="Ada")
LIKE = Q(display_name__icontains="ad") | Q(display_name="", username__icontains="ad")
READ: dict[str, Q] = {
    "": Q(),
    " \n": Q(),
    'email == "ada@x.org"': ADA,
    "email=='Ada@x.org'": ADA,
    'name == "users/ada@x.org"': ADA,
    'name == "Ada"': NAMED,
    'title == "Ada"': NAMED,
    'name.matches("ad")': LIKE,
    ' title . matches ( "ad" ) ': LIKE,
    'email.matches("%_")': Q(email__icontains="%_"),
    'email.matches("")': Q(email__icontains=""),
    'user_type == "SERVICE_ACCOUNT"': Q(kind="service"),
    'user_type in ["USER"]': Q(kind__in=["person"]),
    'user_type in ["USER", "WORKLOAD_IDENTITY"]': Q(kind__in=["person", "workload"]),
    '!(user_type in ["USER"])': ~Q(kind__in=["person"]),
    'user_type == "SYSTEM_BOT"': Q(kind="SYSTEM_BOT"),
    'state == "DELETED"': Q(state="disabled"),
    'state == "ACTIVE" && email == "ada@x.org"': Q(state="active") & ADA,
    # What the product's own pages ask for when somebody is searched.
    '(name.matches("ad") || email.matches("ad")) && user_type in ["USER"]': (
        (LIKE | Q(email__icontains="ad")) & Q(kind__in=["person"])
    ),
    'state == "ACTIVE" || state == "DELETED" && email == "ada@x.org"': (
        Q(state="active") | Q(state="disabled") & ADA
    ),
    '((email == "ada@x.org"))': ADA,
    r'name == "a\"b\\"': Q(display_name='a"b\\') | Q(display_name="", username='a"b\\'),
}


@pytest.mark.parametrize("text", READ)
def test_a_documented_form_is_read(text: str) -> None:
    assert condition(text) == READ[text]


REFUSED: dict[str, str] = {
    'project == "projects/x"': 'unsupport variable "project"',
    'password == "x"': 'unsupport variable "password"',
    'state == "GONE"': 'invalid state filter "GONE"',
    'user_type == "ROOT"': 'invalid user type filter "ROOT"',
    'user_type in ["USER", "ROOT"]': 'invalid user type filter "ROOT"',
    "user_type in []": "empty user_type filter",
    '!(email == "a")': (
        'only "user_type" support "user_type in [xx]"/"!(user_type in [xx])" operator'
    ),
    'state in ["ACTIVE"]': (
        'only "user_type" support "user_type in [xx]"/"!(user_type in [xx])" operator'
    ),
    'state.matches("A")': ('only "name" and "email" support "matches" operator, but found "state"'),
}
UNREAD = [
    "email",
    "email ==",
    "email == 1",
    "email == true",
    "email = 'a'",
    'email != "a"',
    'email == "a',
    'email == "a" &&',
    'email == "a" & state == "ACTIVE"',
    'email == "a" | state == "ACTIVE"',
    'email == "a" || ',
    '(email == "a"',
    'email == "a")',
    "()",
    "(" * 11 + 'email == "a"' + ")" * 11,
    '!user_type in ["USER"]',
    'email == "a" email == "b"',
    '"a" == email',
    'email == "\\n"',
    'email == r"a"',
    'email.contains("a")',
    'email.matches("a", "b")',
    "email.matches(a)",
    'user_type in "USER"',
    'user_type in ["USER",]',
    "ímail == 'a'",
    "email == 'a' // x",
    "email == 'a'; DROP TABLE",
    "email == 'a\x00'",
    " && ".join(["email == 'a'"] * 21),
    " || ".join(["(email == 'a')"] * 21),
    "email == '" + "a" * 2000 + "'",
]


def test_everything_else_is_an_invalid_argument() -> None:
    told = {}
    for text in [*REFUSED, *UNREAD]:
        with pytest.raises(Faulted) as caught:
            condition(text)
        told[text] = (caught.value.detail["code"], caught.value.message)
    assert {text: told[text] for text in REFUSED} == {t: (3, m) for t, m in REFUSED.items()}
    for text in UNREAD:
        code, message = told[text]
        assert (code, message.startswith("failed to parse filter ")) == (3, True), text
        assert len(message) < 400


def test_a_hostile_filter_is_given_up_at_once() -> None:
    hostile = ['"' * 1999, '"\\' * 999, " " * 1999 + "?", "(" * 1999, "!" * 1999, "a" * 1999]
    begun = time.perf_counter()
    for text in hostile:
        with pytest.raises(Faulted):
            condition(text)
    assert time.perf_counter() - begun < 1

"""What an operator does at the command line."""

from __future__ import annotations

import io
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.login import throttle
from accounts.login.outcome import Reason
from accounts.login.profile import Limit
from accounts.login.throttle import Bucket
from accounts.models import LoginEvent, Session, SigningKey, ThrottleBucket, User
from mfa import binding, email_codes
from mfa.models import Challenge, EmailCode, Enrolment
from tenants.models import Tenant
from tests.login.gate import Town, challenged, logged_in

GOOD = "a long enough pass phrase 7"


def run(*command: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


class TestCreateTenant:
    def test_the_first_tenant_is_the_default_one(self, db: None) -> None:
        said = run("create_tenant", "gamma", "--name", "Gamma", "--host", "gamma.example")
        made = Tenant.objects.get()
        assert made.is_default
        assert made.pool_id in said
        run("create_tenant", "delta")
        assert not Tenant.objects.get(slug="delta").is_default

    @pytest.mark.parametrize(
        "words", [("alpha",), ("new", "--name", "BETA"), ("new", "--default"), ("bad slug",)]
    )
    def test_a_taken_name_is_told_in_a_sentence(self, town: Town, words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            run("create_tenant", *words)
        assert Tenant.objects.count() == 2


class TestCreateAdmin:
    def test_the_password_comes_by_a_pipe_and_is_not_repeated(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        typed(monkeypatch, GOOD + "\n")
        said = run("create_admin", "root", "--email", "root@alpha.example")
        made = User.objects.get(username="root")
        assert (made.tenant, made.is_staff, made.is_superuser) == (town.alpha, True, False)
        assert GOOD not in said
        assert logged_in("root", GOOD).subject.user == made

    def test_a_generated_password_is_shown_once_and_works(self, town: Town) -> None:
        said = run(
            "create_admin", "root", "--email", "r@beta.example", "--tenant", "beta",
            "--superuser", "--generate-password",
        )  # fmt: skip
        password = said.split()[-1]
        made = logged_in("r@beta.example", password).subject.user
        assert (made.tenant_id, made.is_superuser) == (town.beta.pk, True)

    @pytest.mark.parametrize(
        ("words", "password"),
        [
            (("root", "--email", "r@a.example"), "short"),
            (("root", "--email", "r@a.example"), ""),
            (("root", "--email", "r@a.example"), "password1234567"),
            (("root", "--email", "r@a.example", "--tenant", "ghost"), GOOD),
            (("alice", "--email", "r@a.example"), GOOD),
            (("root", "--email", "ALICE@alpha.example"), GOOD),
            (("root", "--email", "nonsense"), GOOD),
        ],
    )
    def test_what_cannot_be_is_told_in_a_sentence(
        self, town: Town, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], password: str
    ) -> None:
        typed(monkeypatch, password + "\n")
        before = User.objects.count()
        with pytest.raises(CommandError):
            run("create_admin", *words)
        assert User.objects.count() == before


class TestRotateKeys:
    def test_every_key_of_the_tenant_gets_a_successor_and_the_trail_says_so(
        self, town: Town
    ) -> None:
        run("rotate_keys", "--tenant", "beta", "--purpose", "coldstream.access")
        said = run(
            "rotate_keys", "--tenant", "beta", "--purpose", "coldstream.access", "--after", "24"
        )
        keys = SigningKey.objects.filter(tenant=town.beta).order_by("active_from")
        assert [key.retired_at is None for key in keys] == [False, True]
        assert keys[1].kid in said
        assert keys[1].active_from - timezone.now() > timedelta(hours=23)
        assert LoginEvent.objects.filter(event="admin:key:rotated").count() == 2
        assert not SigningKey.objects.filter(tenant=town.alpha).exists()

    @pytest.mark.parametrize("words", [("--tenant", "ghost"), ("--purpose", "ghost.access")])
    def test_a_typing_mistake_rotates_nothing(self, town: Town, words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            run("rotate_keys", *words)


class TestPurge:
    def test_what_is_over_goes_and_what_counts_stays(self, town: Town) -> None:
        now = timezone.now()
        live, over, ended = (logged_in(now=now).session.pk for _ in range(3))
        Session.objects.filter(pk=over).update(expires_at=now - timedelta(days=31))
        Session.objects.filter(pk=ended).update(ended_at=now - timedelta(days=31))
        recent = logged_in(now=now).session.pk
        Session.objects.filter(pk=recent).update(ended_at=now - timedelta(days=29))
        challenged(now=now - timedelta(minutes=6))
        challenged(now=now)
        events = LoginEvent.objects.count()
        for age in (timedelta(days=31), timedelta(0)):
            owner = town.alice if age else town.bob
            email_codes.issue(owner.pk, now - email_codes.LIFETIME - age)
        binding.begin(town.bob.pk, now - timedelta(days=31))
        binding.begin(town.alice.pk, now)
        run("purge")
        assert set(Session.objects.values_list("pk", flat=True)) == {live, recent}
        assert [m.objects.count() for m in (Challenge, EmailCode, Enrolment)] == [1, 1, 1]
        assert LoginEvent.objects.count() == events

    def test_counters_stay_as_long_as_they_count(self, town: Town) -> None:
        def count(name: str, window: timedelta, ago: timedelta) -> None:
            limit = Limit(3, window)
            bucket = Bucket("identifier", name.encode(), limit, Reason.THROTTLED_SUBJECT)
            throttle.reserve([bucket], timezone.now() - ago)

        minute = timedelta(minutes=1)
        count("stale", 10 * minute, 11 * minute)
        count("live", 10 * minute, 9 * minute)
        count("long", 1000 * minute, 11 * minute)
        run("purge")
        left = {bytes(key) for key in ThrottleBucket.objects.values_list("key", flat=True)}
        assert left == {b"live", b"long"}

    def test_gone_keys_go_and_others_stay(self, town: Town) -> None:
        logged_in()
        key = SigningKey.objects.get()
        run("purge")
        assert SigningKey.objects.exists()
        key.retired_at = key.verify_until = timezone.now() - timedelta(days=31)
        key.save()
        run("purge")
        assert not SigningKey.objects.exists()

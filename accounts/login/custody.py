"""What an officer may do with another's account: disable, enable, make safe. Never read or choose.

Every act changes the account and writes who did it and why, together. The owner is told of
whatever changes how he signs in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import external, sessions, throttle
from accounts.login.outcome import Factor
from accounts.login.profile import LoginProfile
from accounts.login.subject import Subject
from accounts.login.workload_trust import WorkloadTrust
from accounts.models import (
    ExternalAccount,
    LoginEvent,
    PersonalAccessToken,
    ServiceCredential,
    Session,
    User,
)
from accounts.models.statement import Insert, Update, execute
from mfa import binding, challenges, owner, passkeys, recovery_codes
from mfa.models import Passkey


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, from where, and why."""

    client: ClientContext
    by: str
    # The session in which the officer acts; it leads to his account.
    session_id: UUID | None = None
    note: str = ""

    def row(
        self,
        event: Event,
        *,
        tenant_id: UUID | None,
        user_id: UUID | None = None,
        reason: str = "",
        factor: str = "",
        facts: Sequence[tuple[str, str]] = (),
    ) -> LoginEvent:
        """The unsaved audit row of this act."""
        trace = [("by", self.by), *facts]
        if self.note:
            trace.append(("reason", self.note))
        return audit.row(
            event,
            self.client,
            tenant_id=tenant_id,
            user_id=user_id,
            session_id=self.session_id,
            reason=reason,
            factor=factor,
            trace=trace,
        )


def disable(user: User, act: Act) -> None:
    """Nobody logs in with the account any more, and every session of it ends."""
    changed = Update(
        User.objects.filter(pk=user.pk),
        state=User.State.DISABLED,
        security_epoch=F("security_epoch") + 1,
    )
    execute(changed, _ended(user, "disabled", act), _changed(user, "disabled", act))


def enable(user: User, act: Act) -> None:
    """The account may log in again; its old sessions stay dead."""
    changed = Update(User.objects.filter(pk=user.pk), state=User.State.ACTIVE)
    execute(changed, _changed(user, "enabled", act))


def require_new_password(user: User, act: Act) -> None:
    """The next login has to choose a new password. The officer never learns it."""
    changed = Update(User.objects.filter(pk=user.pk), must_change_password=True)
    execute(changed, _changed(user, "new password required", act))


def unlock(user: User, act: Act) -> None:
    """Forget the failures counted for an account: its owner need not wait."""
    with transaction.atomic():
        counters = throttle.unlock(user)
        act.row(
            Event.USER_UNLOCKED,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            facts=[("counters", str(counters))],
        ).save(force_insert=True)


def end_sessions(user: User, act: Act) -> None:
    """Every session of the account ends, also one that is being opened right now."""
    changed = Update(User.objects.filter(pk=user.pk), security_epoch=F("security_epoch") + 1)
    reason = "ended by an administrator"
    ended = act.row(Event.SESSION_ENDED, tenant_id=user.tenant_id, user_id=user.pk, reason=reason)
    execute(changed, _ended(user, reason, act), Insert(ended))


def trust(user: User, trusted: WorkloadTrust, act: Act) -> None:
    """Other tokens stand for a workload from now on, and every session of it ends.

    So does one that is being opened right now: its token was checked by the trust that was.
    """
    changed = Update(
        User.objects.filter(pk=user.pk),
        workload_trust=trusted.stored(),
        security_epoch=F("security_epoch") + 1,
    )
    told = act.row(
        Event.USER_CHANGED,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        facts=[("changed", "workload_trust")],
    )
    execute(changed, _ended(user, "trusted issuer changed", act), Insert(told))


def end_session(session: Session, act: Act) -> None:
    """One session ends, with all its tokens. Ending twice is fine."""
    ended = act.row(
        Event.SESSION_ENDED,
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        reason="ended by an administrator",
        facts=[("session", str(session.pk)), ("contract", session.contract)],
    )
    sessions.end_rows(Session.objects.filter(pk=session.pk), ended)


def end_sessions_over(user: User, contract: str, act: Act) -> None:
    """Every session of the account over one contract ends."""
    ended = act.row(
        Event.SESSION_ENDED,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        reason="ended by an administrator",
        facts=[("contract", contract)],
    )
    sessions.end_waiting(user.pk, Session.objects.filter(user=user, contract=contract), ended)


def open_session(subject: Subject, profile: LoginProfile, act: Act) -> str:
    """A session in another's name, as its access token. The owner is told.

    Nothing in it was proved by the owner, so it is asked wherever a proof is asked for. Whoever
    calls this has made sure that the officer may.
    """
    user = subject.user
    proof = sessions.amr(sessions.OFFICER, act.client.now, by=act.by)
    session = sessions.build(subject, profile, act.client, [proof])
    issued = profile.issue(session, subject)
    opened = act.row(
        Event.SESSION_OPENED,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        facts=[("session", str(session.pk)), ("contract", session.contract)],
    )
    grants = [Insert(sessions.grant_row(each, session, act.client)) for each in issued.grants]
    with transaction.atomic():
        execute(Insert(session), *grants, Insert(opened))
        notices.session_opened(user)
    return issued.tokens.access


def revoke_credential(credential: ServiceCredential, act: Act) -> None:
    """The secret opens nothing more, and every session that it has opened ends."""
    opened = Session.objects.filter(
        sessions.by_credential(credential.client_id), user=credential.user_id, ended_at=None
    )
    ended = Update(opened, ended_at=act.client.now, end_reason="credential revoked")
    rows = ServiceCredential.objects.filter(pk=credential.pk, revoked_at=None)
    revoked = act.row(
        Event.CREDENTIAL_REVOKED,
        tenant_id=credential.user.tenant_id,
        user_id=credential.user_id,
        facts=[("client id", credential.client_id)],
    )
    execute(Update(rows, revoked_at=act.client.now), ended, Insert(revoked))
    if credential.user.is_person:
        notices.app_password_revoked(credential.user, str(credential))


def remove_token(token: PersonalAccessToken, act: Act) -> None:
    """A person's own token opens nothing any more, and its name is free. The owner is told."""
    live = Session.objects.filter(pk=token.session_id, ended_at=None)
    removed = act.row(
        Event.TOKEN_REMOVED,
        tenant_id=token.user.tenant_id,
        user_id=token.user_id,
        facts=[("token", token.name)],
    )
    with transaction.atomic():
        ended = Update(live, ended_at=act.client.now, end_reason="token removed")
        execute(ended, Insert(removed))
        PersonalAccessToken.objects.filter(pk=token.pk).delete()
        notices.personal_token_removed(token.user, token.name)


def unlink(linked: ExternalAccount, act: Act) -> None:
    """Another system's word opens this account no more, and the sessions that it opened end.

    So does a login that it has begun, also one that ends right now.
    """
    user, provider = linked.user, linked.provider
    word = {"method": sessions.FEDERATED, "provider": provider.name}
    opened: Any = Session.objects.filter(user=user, amr__contains=[word], ended_at=None)
    unlinked = act.row(
        Event.EXTERNAL_UNLINKED,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        facts=[("provider", provider.name), ("name there", str(linked))],
    )
    with transaction.atomic():
        owner.hold(user.pk)
        external.unlink(linked, act.client, row=unlinked)
        # First, so that a login which was faster has its session ended.
        challenges.withdraw(word, act.client.now, user=user)
        opened.update(ended_at=act.client.now, end_reason="account unlinked")
        sessions.outdate([user.pk], ~Q(amr__contains=[word]))
        notices.external_unlinked(user, str(provider))


def remove_factors(user: User, act: Act) -> None:
    """Take every second factor away: a lost phone. The owner is told."""
    with transaction.atomic():
        binding.remove_all(user.pk)
        _removed(user, act)
        notices.factors_removed(user)


def remove_totp(user: User, act: Act) -> None:
    """Take the authenticator app away, and the codes with the last authenticator.

    The owner is told.
    """
    with transaction.atomic():
        if binding.remove_totp(user.pk):
            _removed(user, act, Factor.OTP)
            notices.factor_removed(user, notices.APP)


def remove_passkey(passkey: Passkey, act: Act) -> None:
    """Take one passkey away, and the codes with the last authenticator. The owner is told."""
    user = User.objects.get(pk=passkey.user_id)
    with transaction.atomic():
        name = passkeys.remove(user.pk, passkey.pk)
        if name is not None:
            _removed(user, act, Factor.PASSKEY)
            notices.factor_removed(user, notices.PASSKEY, name)


def revoke_codes(user: User, act: Act) -> None:
    """The recovery codes work no more; the authenticator stays. The owner is told."""
    with transaction.atomic():
        if recovery_codes.revoke(user.pk):
            act.row(
                Event.FACTOR_REMOVED,
                tenant_id=user.tenant_id,
                user_id=user.pk,
                reason="removed by an administrator",
                factor=Factor.RECOVERY_CODE,
            ).save(force_insert=True)
            notices.recovery_codes_revoked(user)


def replace_codes(user: User, act: Act) -> list[str]:
    """A new set of recovery codes, to be shown once; the old one is void. The owner is told."""
    codes = recovery_codes.new_codes()
    with transaction.atomic():
        recovery_codes.replace(user.pk, codes, by=act.by)
        act.row(
            Event.RECOVERY_CODES_MADE,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            reason="made by an administrator",
            factor=Factor.RECOVERY_CODE,
        ).save(force_insert=True)
        notices.recovery_codes_made(user)
    return [recovery_codes.grouped(code) for code in codes]


def _removed(user: User, act: Act, factor: str = "") -> None:
    act.row(
        Event.FACTOR_REMOVED,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        reason="removed by an administrator",
        factor=factor,
    ).save(force_insert=True)


def _ended(user: User, reason: str, act: Act) -> Update:
    rows: Any = Session.objects.filter(user=user, ended_at=None)
    return Update(rows, ended_at=act.client.now, end_reason=reason)


def _changed(user: User, reason: str, act: Act) -> Insert:
    event = Event.USER_CHANGED
    return Insert(act.row(event, tenant_id=user.tenant_id, user_id=user.pk, reason=reason))

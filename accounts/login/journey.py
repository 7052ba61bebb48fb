"""One attempt on its way through the pipeline: what is known so far, and how it can end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from django.db.models import Case, F, Q, Value, When

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import sessions, throttle
from accounts.login.outcome import Authenticated, Factor, LoginRefused, Obligation, Reason
from accounts.login.policy import Situation
from accounts.login.profile import LoginProfile
from accounts.login.progress import Progress
from accounts.login.subject import Subject
from accounts.login.throttle import Bucket, Reservation
from accounts.models import LoginEvent, Session, User
from accounts.models.statement import Insert, Update, execute
from mfa import binding
from mfa.models import Challenge
from tenants.policy import TenantRecord

# Reasons that look like a wrong password to the client and therefore cost a try like one.
_HIDDEN = frozenset({Reason.DISABLED, Reason.KIND_NOT_ALLOWED})


class AccountChanged(Exception):
    """The account was changed by somebody else while the login went on."""


@dataclass(slots=True)
class Journey:
    """Collects the trace and the counted places; ends in exactly one written verdict."""

    client: ClientContext
    profile: LoginProfile
    tenant: TenantRecord | None = None
    subject: Subject | None = None
    trace: list[tuple[str, str]] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    factor: Factor | str = ""

    def note(self, step: str, value: str) -> None:
        """Add a step to the trace that an administrator reads as "why". No secrets."""
        self.trace.append((step, value))

    def reserve(self, buckets: Sequence[Bucket]) -> None:
        """Count the attempt. Raises :class:`LoginRefused` where a counter is full."""
        reservation = throttle.reserve(buckets, self.client.now)
        if reservation.refusal is not None:
            # "Locked" is no failure, of what was right before it neither.
            self.give_back()
            self.note("throttle", reservation.refusal)
            self.refuse(reservation.refusal, retry_after=reservation.retry_after)
        self.reservations.append(reservation)
        self.note("throttle", "free")

    def give_back(self) -> None:
        """Refund all counted places at once: the attempt could not be judged."""
        for reservation in self.reservations:
            throttle.refund_now(reservation)
        self.reservations.clear()

    def refunds(self) -> list[Update]:
        """The refunds of a success, to be written with it."""
        return [throttle.refund(reservation) for reservation in self.reservations]

    def refuse(self, reason: Reason, **detail: Any) -> NoReturn:
        """Record the refusal, then raise it."""
        self.note("outcome", reason)
        execute(Insert(self.event(Event.LOGIN_REFUSED, reason=reason)))
        raise LoginRefused(reason, subject=self.subject, **detail)

    def refuse_proved(self, reason: Reason) -> NoReturn:
        """Refuse a login whose proofs were right: they were no guess, so they are not counted.

        A client that cannot send a code would otherwise lock its user out everywhere.
        """
        if reason not in _HIDDEN:
            self.give_back()
        self.refuse(reason)

    def event(self, event: Event, *, reason: str = "", session_id: Any = None) -> LoginEvent:
        """The audit row of this journey."""
        return audit.row(
            event,
            self.client,
            tenant_id=self.tenant.id if self.tenant else None,
            user_id=self.subject.user.pk if self.subject else None,
            session_id=session_id,
            reason=reason,
            factor=self.factor,
            trace=self.trace,
        )

    def situation(self, progress: Progress) -> Situation:
        """What the policy decides on."""
        user = progress.subject.user
        return Situation(
            kind=user.kind,
            enabled=user.is_active,
            staff=user.is_staff or user.is_superuser,
            must_change_password=progress.owes_password,
            owned=progress.owned,
            proved=progress.proved,
            by_service_secret=progress.by_service_secret,
            policy=progress.subject.tenant.policy,
            challenge=self.profile.challenge,
            carried=self.profile.factors,
            kinds=self.profile.kinds,
            obligations=self.profile.obligations,
        )

    def challenge(self, challenge: Challenge | None) -> None:
        """Write "something more is due": the challenge if there is one, refunds, audit."""
        self.note("outcome", "challenge")
        writes: list[Insert | Update] = [Insert(challenge)] if challenge else []
        execute(*writes, *self.refunds(), Insert(self.event(Event.LOGIN_CHALLENGED)))

    def accept(self, progress: Progress, advised: frozenset[Obligation]) -> Authenticated:
        """Open the session: one statement writes it with grants, refunds, last login and audit."""
        subject = progress.subject
        previous = subject.user.last_login
        if progress.pending.changes_account:
            self._change_account(progress)
        account = self._last_login(progress)
        session = sessions.build(subject, self.profile, self.client, progress.records)
        took_effect = self._took_effect(progress, session)
        issued = self.profile.issuer(advised)(session, subject)
        self.note("outcome", "accepted")
        execute(
            Insert(session),
            *(Insert(sessions.grant_row(g, session, self.client)) for g in issued.grants),
            *self.refunds(),
            account,
            *progress.writes,
            *took_effect,
            Insert(self.event(Event.LOGIN_ACCEPTED, session_id=session.id)),
        )
        return Authenticated(session, subject, issued.tokens, advised, previous)

    def _change_account(self, progress: Progress) -> None:
        """Put the password that waited into use; older sessions end, the new one bears the epoch.

        So they do with a first authenticator. Raises :class:`AccountChanged` where somebody was
        faster: what an officer or the owner has done against an intruder must not be undone.
        """
        user, pending = progress.subject.user, progress.pending
        unchanged = User.objects.filter(
            pk=user.pk, security_epoch=user.security_epoch, state=User.State.ACTIVE
        )
        user.security_epoch += 1
        values: dict[str, Any] = {"security_epoch": user.security_epoch}
        if pending.password_hash:
            values |= {
                "password": pending.password_hash,
                "password_changed_at": self.client.now,
                "must_change_password": False,
            }
        if not unchanged.update(**values):
            raise AccountChanged

    def _last_login(self, progress: Progress) -> Update:
        """The last login, and the password's hash with today's parameters."""
        user = progress.subject.user
        values: dict[str, Any] = {"last_login": self.client.now}
        if progress.rehashed:
            # Unless it was changed meanwhile: the old password must not come back.
            values["password"] = Case(
                When(password=user.password, then=Value(progress.rehashed)), default=F("password")
            )
        return Update(User.objects.filter(pk=user.pk), **values)

    def _took_effect(self, progress: Progress, session: Session) -> list[Insert | Update]:
        """The audit rows of what waited for the end of the login; the owner gets a mail."""
        user, pending = progress.subject.user, progress.pending
        writes: list[Insert | Update] = []
        if pending.password_hash:
            notices.password_changed(user)
            writes.append(Insert(self.event(Event.PASSWORD_CHANGED, session_id=session.id)))
        if pending.totp_step >= 0:
            writes += self._bound(progress, session)
        return writes

    def _bound(self, progress: Progress, session: Session) -> list[Insert | Update]:
        """Put the authenticator that was proved on the way into use.

        Older sessions end: they were opened without it. Raises mfa.binding.AlreadyBound.
        """
        user, pending = progress.subject.user, progress.pending
        binding.bind_totp(
            user.pk,
            pending.totp_secret,
            name=pending.totp_name,
            last_step=pending.totp_step,
            first=True,
        )
        self.factor = Factor.OTP
        notices.factor_bound(user, notices.APP)
        if not pending.password_hash:
            # Personal access tokens are made to stay, but not beyond a changed password.
            sessions.rise([user.pk], Q(personal_token__isnull=False))
        # The session of this login is written by the same statement, which does not see it.
        older = Session.objects.filter(user=user, ended_at=None, personal_token=None)
        return [
            Update(older, ended_at=self.client.now, end_reason=sessions.FACTOR_BOUND),
            Insert(self.event(Event.SESSION_ENDED, reason=sessions.FACTOR_BOUND)),
            Insert(self.event(Event.FACTOR_BOUND, session_id=session.id)),
        ]

"""Whose account another system's word is about: found by its link, or made where that is allowed.

A link is (provider, subject). Names and addresses at a provider change hands, so they link nothing;
an address that the provider has verified finds one kind of account only: one that waits for its
owner and was never used (ASVS 5.0, 6.8.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import passwords
from accounts.login.outcome import Reason
from accounts.login.registration import create_user
from accounts.models import ExternalAccount, Group, LoginEvent, User
from tenants.federation.identity import ExternalIdentity, is_trusted
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind
from tenants.models import Tenant
from tenants.names import fold

# Many make links at once, and Django has no word for a lock that they share.
_HOLD = "SELECT id FROM tenants_identityprovider WHERE id = %s AND enabled FOR SHARE"


class NotAdmitted(Exception):
    """The identity is proved, but no account here is open to it; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Admitted:
    """The account of an external identity, and whether it is new."""

    user: User
    created: bool = False


def admit(provider: Provider, identity: ExternalIdentity, client: ClientContext) -> Admitted:
    """The account that this identity opens. Raises :class:`NotAdmitted`.

    The caller has verified the identity. Everything is written in one transaction: link, account,
    groups, audit.
    """
    linked = _linked(provider, identity).select_related("user").first()
    if linked is not None:
        with transaction.atomic():
            _seen(linked, identity, client)
            _sync_groups(provider, linked.user, identity)
        return Admitted(linked.user)
    try:
        with transaction.atomic():
            return _first_time(provider, identity, client)
    except (IntegrityError, NotAdmitted) as error:
        # The same identity logged in twice at once: the other request was faster.
        linked = _linked(provider, identity).select_related("user").first()
        if linked is not None:
            return Admitted(linked.user)
        if isinstance(error, NotAdmitted):
            raise
        raise NotAdmitted(Reason.EXTERNAL_CONFLICT) from None


def link(provider: Provider, identity: ExternalIdentity, user: User, client: ClientContext) -> None:
    """Link an identity to an account whose owner has just proved to be both; he gets a mail.

    A link that is there already stays. Raises :class:`NotAdmitted` where the identity opens another
    account.
    """
    if user.tenant_id != provider.tenant_id or not user.is_person:
        raise NotAdmitted(Reason.EXTERNAL_CONFLICT)
    try:
        with transaction.atomic():
            _hold(provider)
            _link(provider, identity, user, client)
            notices.external_linked(user, provider.title)
    except IntegrityError:
        if not _linked(provider, identity).filter(user=user).exists():
            raise NotAdmitted(Reason.EXTERNAL_CONFLICT) from None


def unlink(
    linked: ExternalAccount, client: ClientContext, *, row: LoginEvent | None = None
) -> None:
    """Take a link away, and the groups that came by it; sessions are the caller's to end.

    ``row`` is the audit row where somebody else does it than the owner.
    """
    user, provider = linked.user, linked.provider
    with transaction.atomic():
        ExternalAccount.objects.filter(pk=linked.pk).delete()
        user.member_of.remove(*Group.objects.filter(provider_id=provider.id, members=user))
        if row is None:
            _audit(Event.EXTERNAL_UNLINKED, provider.name, user, client)
        else:
            row.save(force_insert=True)


def address(provider: Provider, identity: ExternalIdentity) -> str:
    """The address that an account of this identity has; empty if it has none.

    An identifier that is an address is the account's own. Auth0's identifiers are its subjects,
    which are none, whatever signs they hold.
    """
    if provider.kind is Kind.AUTH0:
        return ""
    return identity.identifier if "@" in identity.identifier else identity.email


def vouched(provider: Provider, identity: ExternalIdentity) -> str:
    """That address, if it counts as the person's own; empty where nobody vouches for it.

    OpenID Connect says so itself, and of one address only: a user name that looks like another one
    is worth nothing. A directory is the company's own, and plain OAuth 2 has no word for it: there
    the officer names the domains in which the provider's addresses are good.
    """
    claimed = address(provider, identity)
    domain = claimed.rpartition("@")[2]
    if domain != fold(domain):
        # Accounts are found by folded names, which make one of two domains: straße and strasse.
        return ""
    if provider.kind is Kind.OIDC:
        said = identity.email_verified and identity.email == claimed
        return claimed if said else ""
    trusted = is_trusted(claimed, provider.trusted_domains)
    return claimed if trusted or provider.kind is Kind.LDAP else ""


def _linked(provider: Provider, identity: ExternalIdentity) -> QuerySet[ExternalAccount]:
    return ExternalAccount.objects.filter(
        provider_id=provider.id,
        provider__tenant_id=provider.tenant_id,
        # This process may not have heard of it yet.
        provider__enabled=True,
        user__tenant_id=provider.tenant_id,
        subject=identity.subject,
    )


def _seen(linked: ExternalAccount, identity: ExternalIdentity, client: ClientContext) -> None:
    ExternalAccount.objects.filter(pk=linked.pk).update(
        identifier=identity.identifier[:254], last_used_at=client.now
    )


def _first_time(provider: Provider, identity: ExternalIdentity, client: ClientContext) -> Admitted:
    _hold(provider)
    email = vouched(provider, identity)
    if address(provider, identity) and not email:
        raise NotAdmitted(Reason.EXTERNAL_UNVERIFIED)
    waiting = _waiting(provider, email)
    if waiting is not None:
        _link(provider, identity, waiting, client)
        _sync_groups(provider, waiting, identity)
        return Admitted(waiting)
    if not provider.creates_accounts:
        raise NotAdmitted(Reason.EXTERNAL_UNKNOWN)
    user = _created(provider, identity, email, client)
    _link(provider, identity, user, client)
    _sync_groups(provider, user, identity)
    return Admitted(user, created=True)


def _hold(provider: Provider) -> None:
    """Keep the provider as it is until the transaction is over: who withdraws it sees the new link.

    Raises NotAdmitted where that has just happened.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [provider.id])
        if cursor.fetchone() is None:
            raise NotAdmitted(Reason.EXTERNAL_UNKNOWN)


def _waiting(provider: Provider, email: str) -> User | None:
    """The account of this address that waits for its owner: no password, no link, no rights.

    Anything else is somebody's already, and its owner links it himself after a login here.
    """
    if not is_trusted(email, provider.trusted_domains):
        return None
    user = (
        User.objects.select_for_update(of=("self",))
        .with_email(provider.tenant_id, email)
        .filter(kind=User.Kind.PERSON, last_login=None, is_staff=False, is_superuser=False)
        .filter(external_accounts=None)
        .first()
    )
    if user is None or passwords.is_hashed(user.password):
        return None
    # Letter for letter: another mailbox may fold to the same name.
    return user if user.email.strip().lower() == email else None


def _created(
    provider: Provider, identity: ExternalIdentity, email: str, client: ClientContext
) -> User:
    tenant = Tenant.objects.get(pk=provider.tenant_id)
    try:
        return create_user(
            tenant,
            identity.identifier,
            email=email,
            email_verified=bool(email),
            display_name=identity.display_name,
            phone=identity.phone[:32],
            by=client,
            trace=[("by", f"provider {provider.name}")],
        )
    except ValidationError as error:
        # The name is taken, or it looks like another's.
        raise NotAdmitted(Reason.EXTERNAL_CONFLICT) from error


def _link(
    provider: Provider, identity: ExternalIdentity, user: User, client: ClientContext
) -> None:
    ExternalAccount.objects.create(
        user=user,
        provider_id=provider.id,
        subject=identity.subject,
        identifier=identity.identifier[:254],
        last_used_at=client.now,
    )
    _audit(Event.EXTERNAL_LINKED, provider.name, user, client)


def _audit(event: Event, provider: str, user: User, client: ClientContext) -> None:
    audit.row(
        event,
        client,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        trace=[("provider", provider)],
    ).save()


def _sync_groups(provider: Provider, user: User, identity: ExternalIdentity) -> None:
    """The provider's groups become the user's; groups that are kept here stay as they are.

    A provider cannot put anybody into a group of ours by giving one of its own the same name.
    """
    if identity.groups is None:
        return
    wanted = _groups_of(provider, identity.groups)
    present = Group.objects.filter(provider_id=provider.id, members=user)
    user.member_of.remove(*present.exclude(pk__in=[group.pk for group in wanted]))
    user.member_of.add(*wanted)


def _groups_of(provider: Provider, names: Sequence[str]) -> list[Group]:
    # In one order for all: of two logins at once, each would wait for the other's new groups.
    Group.objects.bulk_create(
        [
            Group(tenant_id=provider.tenant_id, name=name, provider_id=provider.id)
            for name in sorted(names)
        ],
        ignore_conflicts=True,
    )
    return list(Group.objects.filter(provider_id=provider.id, name__in=names))

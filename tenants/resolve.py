"""Which tenant a request means: explicit name > path prefix > host > e-mail domain > default."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max, Sum

from tenants.federation import provider
from tenants.federation.provider import Provider
from tenants.hint import TenantHint
from tenants.models import Tenant, TenantDomain
from tenants.names import fold
from tenants.policy import TenantRecord
from tenants.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Directory:
    """Every tenant under each of its names."""

    by_id: Mapping[UUID, TenantRecord]
    by_slug: Mapping[str, TenantRecord]
    by_name: Mapping[str, TenantRecord]
    by_pool: Mapping[str, TenantRecord]
    by_client: Mapping[str, TenantRecord]
    by_host: Mapping[str, TenantRecord]
    by_email_domain: Mapping[str, TenantRecord]
    default: TenantRecord | None
    # The enabled ones, in their order.
    providers: Mapping[UUID, tuple[Provider, ...]]


def _version() -> Hashable:
    return tuple(
        Tenant.objects.aggregate(
            count=Count("*"), revisions=Sum("revision"), newest=Max("created_at")
        ).values()
    )


def _load() -> Directory:
    tenants = list(Tenant.objects.select_related("policy"))
    records = {tenant.id: tenant.record() for tenant in tenants}
    # A tenant that is made between the two statements comes with the next load.
    domains = [d for d in TenantDomain.objects.all() if d.tenant_id in records]
    return Directory(
        by_id=records,
        by_slug={record.slug: record for record in records.values()},
        by_name={tenant.name_key: records[tenant.id] for tenant in tenants},
        by_pool={record.pool_id: record for record in records.values()},
        by_client={record.client_id: record for record in records.values()},
        by_host={d.domain: records[d.tenant_id] for d in domains if d.kind == d.Kind.HOST},
        by_email_domain={d.domain: records[d.tenant_id] for d in domains if d.kind == d.Kind.EMAIL},
        default=next((records[tenant.id] for tenant in tenants if tenant.is_default), None),
        providers=provider.load(),
    )


_directory = Snapshot(_version, _load)


def directory() -> Directory:
    """All tenants, from memory."""
    return _directory.current()


def invalidate() -> None:
    """Read the tenants anew at the next call: this process has just changed one."""
    _directory.invalidate()


def explicit(hint: TenantHint) -> TenantRecord | None:
    """The tenant that the address itself names by prefix or host, or None."""
    known = directory()
    if hint.slug is not None:
        return known.by_slug.get(hint.slug)
    # "example.com." is the same host, written as fully qualified.
    return known.by_host.get(fold(hint.host).removesuffix(".")) if hint.host else None


def _same(one: TenantRecord | None, other: TenantRecord) -> bool:
    return one is not None and one.id == other.id


def resolve(hint: TenantHint) -> TenantRecord | None:
    """The one tenant that ``hint`` means, or None where a name leads nowhere.

    A name that contradicts the address leads nowhere either: a caller at one tenant's address gets
    no login at another one's.
    """
    known = directory()
    addressed = explicit(hint)
    if hint.slug is not None and addressed is None:
        return None
    if hint.name is not None:
        named = known.by_name.get(fold(hint.name)) or known.by_slug.get(fold(hint.name))
        return named if addressed is None or _same(named, addressed) else None
    if addressed is not None:
        return addressed
    if hint.email and "@" in hint.email:
        claimed = known.by_email_domain.get(fold(hint.email.rpartition("@")[2]))
        if claimed is not None:
            return claimed
    return known.default


def leads_elsewhere(email: str, tenant_id: UUID) -> bool:
    """Whether the domain of an address leads logins at the bare address to another tenant."""
    leads = directory().by_email_domain.get(fold(email.rpartition("@")[2]))
    return leads is not None and leads.id != tenant_id


def way(hint: TenantHint) -> str:
    """What decided in :func:`resolve`, for whoever asks why a login went to this tenant."""
    if hint.name is not None:
        return "name"
    if hint.slug is not None:
        return "path"
    if explicit(hint) is not None:
        return "host"
    domain = fold(hint.email.rpartition("@")[2]) if hint.email and "@" in hint.email else ""
    return "e-mail domain" if domain in directory().by_email_domain else "default"

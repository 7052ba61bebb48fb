"""Identity providers of a tenant: configured and tried by superusers, read by its staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.admin import connections
from accounts.admin.provider_forms import SECRETS, SETTINGS, PastedForm, form_of
from accounts.admin.scope import ScopedAdmin
from accounts.audit import Event
from accounts.console import act, console
from accounts.login import enrolment, sessions
from accounts.login.custody import Act
from accounts.models import ExternalAccount, Group, Session, User
from accounts.web import browser
from accounts.web.pages import sign_in_again
from mfa import challenges
from tenants import resolve
from tenants.federation import issuers
from tenants.federation.provider import Provider, of_row
from tenants.federation.settings import Kind
from tenants.models import IdentityProvider, Tenant

_KINDS = {
    Kind.LDAP: "LDAP or Active Directory",
    Kind.OAUTH2: "OAuth 2",
    Kind.OIDC: "OpenID Connect",
    Kind.AUTH0: "Auth0 (datarhei Core)",
}
_COMMON = ("name", "title", "enabled", "position")
_ACCOUNTS = ("creates_accounts", "domain", "domains")


def end_opened(provider: IdentityProvider, act: Act, reason: str) -> None:
    """End every session and login that this provider's word has opened: it counts no longer.

    Also those that it is opening right now. Inside of a transaction.
    """
    proof = {"method": sessions.FEDERATED, "provider": provider.name}
    rows = Session.objects.filter(tenant=provider.tenant_id, amr__contains=[proof])
    ended = act.row(
        Event.SESSION_ENDED,
        tenant_id=provider.tenant_id,
        reason=reason,
        facts=[("provider", provider.name)],
    )
    # No account is being linked to it any more; see accounts.login.external.
    list(IdentityProvider.objects.select_for_update(no_key=True).filter(pk=provider.pk))
    # First, so that a login which was faster has its session ended.
    owners = ExternalAccount.objects.filter(provider=provider).values("user")
    sessions.outdate(owners, ~Q(amr__contains=[proof]))
    challenges.withdraw(proof, act.client.now, tenant=provider.tenant_id)
    sessions.end_rows(rows, ended)


def _known() -> None:
    """This process reads the providers anew, and what they publish."""
    resolve.invalidate()
    issuers.forget()


@admin.register(IdentityProvider, site=console)
class ProviderAdmin(ScopedAdmin):
    """One provider. Its secret is written here and shown nowhere."""

    added = Event.PROVIDER_CREATED
    changed = Event.PROVIDER_CHANGED
    deleted = Event.PROVIDER_DELETED
    list_display = ("called", "tenant", "kind_shown", "enabled", "position")
    list_select_related = ("tenant",)
    list_filter = ("enabled",)
    search_fields = ("name", "title")
    ordering = ("tenant__name", "position", "name")

    # Who may: superusers. A provider decides whose word opens accounts.

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers; staff read their own tenant's. A kind that is unknown has no form."""
        known = obj is None or self._kind(request, obj) is not None
        return bool(request.user.is_superuser) and known

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers."""
        return bool(request.user.is_superuser)

    # The form.

    def _kind(self, request: HttpRequest, obj: IdentityProvider | None) -> Kind | None:
        text = obj.kind if obj is not None else request.GET.get("kind", "")
        return next((kind for kind in SETTINGS if kind.value == text), None)

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The form of the kind."""
        kind = self._kind(request, obj)
        if kind is not None and request.user.is_superuser:
            kwargs["form"] = form_of(kind)
        return super().get_form(request, obj, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Named fields for who may change them, words for who may read."""
        kind = self._kind(request, obj)
        first: tuple[str, ...] = ("tenant", *_COMMON)
        if obj is not None:
            first = ("tenant", "kind_shown", *_COMMON, "secret_state", "linked")
        if kind is None or not request.user.is_superuser:
            told = ("creates_accounts", "domain", "domains_shown", "settings_shown")
            return [(None, {"fields": first}), ("Settings", {"fields": told})]
        settings = tuple(each.field_name for each in SETTINGS[kind])
        secret = ["new_secret"] if kind in SECRETS else []
        if obj is not None and obj.sealed_secret:
            secret.append("remove_secret")
        return [
            (None, {"fields": first}),
            (_KINDS[kind], {"fields": (*settings, *secret)}),
            ("Accounts", {"fields": _ACCOUNTS}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The name is in clients' addresses, the kind is what the settings are of: they stay."""
        shown = ("kind_shown", "secret_state", "linked", "settings_shown", "domains_shown")
        return () if obj is None else ("tenant", "name", *shown)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The kind comes first."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        kind = self._kind(request, None)
        if kind is None:
            context = {
                **self.admin_site.each_context(request),
                "title": "Add identity provider",
                "opts": self.opts,
                "kinds": [(kind.value, words) for kind, words in _KINDS.items()],
            }
            return render(request, "console/provider_kinds.html", context)
        context = {"title": f"Add identity provider: {_KINDS[kind]}", **(extra_context or {})}
        answer: HttpResponse = super().add_view(request, form_url, context)
        return answer

    # Django's signature.
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write it; what a provider opened that is switched off ends."""
        obj.save()
        if change and "enabled" in form.changed_data and not obj.enabled:
            end_opened(obj, act(request), "identity provider disabled")
        transaction.on_commit(_known)

    # The end.

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with it, in words: there may be a link for every account."""
        chosen = list(objs)
        gone = [each.pk for each in chosen]
        links = ExternalAccount.objects.filter(provider__in=gone).count()
        groups = Group.objects.filter(provider__in=gone).count()
        words = [
            *map(str, chosen),
            f"Links to accounts: {links}. The accounts stay.",
            f"Groups whose members it tells: {groups}.",
            "The sessions that its word has opened end.",
        ]
        counts = {"identity providers": len(chosen), "links to accounts": links, "groups": groups}
        return words, counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """The sessions end with it, and so do the groups that nobody would keep up."""
        end_opened(obj, act(request), "identity provider deleted")
        Group.objects.filter(provider=obj).delete()
        obj.delete()
        transaction.on_commit(_known)

    # Pages of its own.

    def get_urls(self) -> list[URLPattern]:
        """The test of a connection, and Auth0 tenants in the form of the environment."""
        site = self.admin_site
        return [
            path("auth0/", site.admin_view(self.paste_view), name="tenants_identityprovider_auth0"),
            path(
                "<path:object_id>/test/",
                site.admin_view(self.test_view),
                name="tenants_identityprovider_test",
            ),
            *super().get_urls(),
        ]

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say on GET what will be asked, ask on POST."""
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_change_permission(request, row):
            raise Http404
        found = browser.signed_in(request)
        if found is None or not enrolment.is_fresh(found, browser.call(request).now):
            return sign_in_again(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Test connection",
            "subtitle": str(row),
            "object": row,
            "opts": self.opts,
            "back": reverse("admin:tenants_identityprovider_change", args=(row.pk,)),
        }
        if request.method == "POST":
            context["findings"] = findings = self._tried(row)
            wrong = [each.what for each in findings if not each.good]
            facts = [("provider", row.name), *((("wrong", ", ".join(wrong)),) if wrong else ())]
            act(request).row(
                Event.PROVIDER_TESTED,
                tenant_id=row.tenant_id,
                reason="failed" if wrong else "good",
                facts=facts,
            ).save(force_insert=True)
        return render(request, "console/provider_test.html", context)

    def _tried(self, row: IdentityProvider) -> list[connections.Finding]:
        try:
            provider: Provider = of_row(row)
        except ValueError as error:
            return [connections.Finding("Settings", good=False, said=str(error))]
        return connections.examine(provider)

    def paste_view(self, request: HttpRequest) -> HttpResponse:
        """Auth0 tenants out of datarhei Core's own configuration."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = PastedForm(request.POST if request.method == "POST" else None)
        tenants = self.admin_site.get_model_admin(Tenant).get_queryset(request)
        # A choice of rows; the stubs know a plain field.
        form.fields["tenant"].queryset = tenants  # type: ignore[attr-defined]
        # No stranger comes to a page of the console.
        form.fields["tenant"].initial = request.user.tenant_id  # type: ignore[union-attr]
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": "Add Auth0 tenants",
                "opts": self.opts,
                "form": form,
            }
            return render(request, "console/provider_auth0.html", context)
        rows = form.cleaned_data["providers"]
        with transaction.atomic():
            for row in rows:
                row.save()
                self.record(request, self.added, row, "")
            transaction.on_commit(_known)
        messages.success(request, f"Identity providers added: {len(rows)}")
        return HttpResponseRedirect(reverse("admin:tenants_identityprovider_changelist"))

    # Columns.

    @admin.display(description="provider", ordering="name")
    def called(self, obj: IdentityProvider) -> str:
        """As people see it, and as logins name it."""
        return f"{obj} ({obj.name})" if obj.title else obj.name

    @admin.display(description="kind", ordering="kind")
    def kind_shown(self, obj: IdentityProvider) -> str:
        """In words."""
        return next((words for kind, words in _KINDS.items() if kind.value == obj.kind), obj.kind)

    @admin.display(description="secret")
    def secret_state(self, obj: IdentityProvider) -> str:
        """Whether there is one; never more."""
        return "set" if obj.sealed_secret else "none"

    @admin.display(description="linked accounts")
    def linked(self, obj: IdentityProvider) -> int:
        """How many."""
        return ExternalAccount.objects.filter(provider=obj).count()

    @admin.display(description="trusted e-mail domains")
    def domains_shown(self, obj: IdentityProvider) -> str:
        """In one line."""
        return ", ".join(map(str, obj.trusted_domains)) or "none"

    @admin.display(description="settings")
    def settings_shown(self, obj: IdentityProvider) -> str | SafeString:
        """One to a line. Secrets are no settings."""
        table = obj.settings if isinstance(obj.settings, dict) else {}
        rows = ((name, value) for name, value in sorted(table.items()))
        return format_html_join("", "<div>{}: {}</div>", rows) or "none"

    def owner(self, obj: IdentityProvider) -> tuple[UUID | None, User | None]:
        """The tenant's."""
        return obj.tenant_id, None

    def links(self, obj: IdentityProvider) -> list[tuple[str, str]]:
        """The test of the connection."""
        address = reverse("admin:tenants_identityprovider_test", args=(obj.pk,))
        return [(address, "Test connection")]

"""Groups and roles of a tenant."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest

from accounts.admin.scope import RowForm, ScopedAdmin
from accounts.audit import Event
from accounts.console import console
from accounts.models import Group


class GroupForm(RowForm):
    """A name is given once in a tenant."""

    def clean(self) -> dict[str, Any] | None:
        """No name twice."""
        data = super().clean() or self.cleaned_data
        tenant = data.get("tenant") or getattr(self.instance, "tenant", None)
        same = Group.objects.filter(tenant=tenant, name=data.get("name"))
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("name", "Another group has this name.")
        return data


@admin.register(Group, site=console)
class GroupAdmin(ScopedAdmin):
    """Members are chosen on the page of each account."""

    form = GroupForm
    added = Event.GROUP_CREATED
    changed = Event.GROUP_CHANGED
    deleted = Event.GROUP_DELETED
    fields = ("tenant", "name", "email", "size")
    readonly_fields = ("size",)
    list_display = ("name", "email", "size")
    list_select_related = ("tenant",)
    search_fields = ("name", "email")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the number of members."""
        return super().get_queryset(request).annotate(members_count=Count("members"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A group stays in its tenant."""
        return ("size",) if obj is None else ("tenant", "size")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with it, in words: there may be thousands of members."""
        chosen = list(objs)
        members = Group.members.through.objects.filter(group__in=[g.pk for g in chosen]).count()
        words = [*map(str, chosen), f"Memberships: {members}. The accounts stay."]
        return words, {"groups": len(chosen), "memberships": members}, set(), []

    @admin.display(description="members", ordering="members_count")
    def size(self, obj: Any) -> str:
        """How many."""
        return str(getattr(obj, "members_count", 0))

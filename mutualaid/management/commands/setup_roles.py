"""Make the groups of staff and their permissions (mutualaid/roles.py). Safe to repeat."""

from typing import Any

from django.core.management.base import BaseCommand

from mutualaid.roles import ensure_roles


class Command(BaseCommand):
    help = "Make the groups of staff and their permissions."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, group in ensure_roles().items():
            self.stdout.write(f"{name}: {group.permissions.count()}")

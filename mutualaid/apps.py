"""The project as an app: it carries the clock, the roles' rights and the commands."""

from django.apps import AppConfig


class MutualaidConfig(AppConfig):
    name = "mutualaid"

    def ready(self) -> None:
        from mutualaid import checks  # noqa: F401 - registers itself

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    name = "portal"


class DeskConfig(AdminConfig):
    """Django's admin with our front door (portal/desk.py)."""

    default = False
    default_site = "portal.desk.Desk"

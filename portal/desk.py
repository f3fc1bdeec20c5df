"""The staff's front door: a queue of work first, the tables after it."""

from django.contrib.admin import AdminSite


class Desk(AdminSite):
    pass

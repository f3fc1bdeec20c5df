"""相助: online mutual aid in the open. docs/architecture.md says where everything is."""

from mutualaid.celery import app as celery_app

__all__ = ["celery_app"]

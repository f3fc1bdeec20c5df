"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

from mutualaid.checks import refuse_moved_clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
application = get_wsgi_application()
refuse_moved_clock()

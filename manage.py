#!/usr/bin/env python
"""Django's command line. `make run` and `make test` are the two commands of a newcomer."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)

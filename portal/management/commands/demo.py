"""Fill an empty database with the demo world, or let its time go on.

manage.py demo                       the whole world: 71,177 members, shown on 9 December 2021
manage.py demo --if-empty            the same, and nothing if somebody is there
manage.py demo --until 2022-01-31    play on: everything that falls due until then happens
manage.py demo --logins              who can log in, and with what
manage.py demo --code                the second factor of the demo's staff, right now
"""

from datetime import date, timedelta
from typing import Any

from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mutualaid import clock
from portal import cast, demo


class Command(BaseCommand):
    help = "Fill an empty database with the demo world, or let its time go on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--members", type=int, default=demo.MEMBERS)
        parser.add_argument("--seed", type=int, default=demo.SEED)
        parser.add_argument("--if-empty", action="store_true")
        parser.add_argument("--until", type=date.fromisoformat)
        parser.add_argument("--logins", action="store_true")
        parser.add_argument("--code", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This is not a demo: MUTUALAID_DEMO is off.")
        if options["logins"]:
            self.print_logins()
        elif options["code"]:
            self.stdout.write(code_now())
        elif options["until"]:
            self.go_on(options["until"])
        else:
            self.build(options)

    def build(self, options: dict[str, Any]) -> None:
        if not demo.is_empty():
            if options["if_empty"]:
                return
            raise CommandError("Somebody is here already. The demo fills an empty database only.")
        least = cast.JOINING + 1
        if options["members"] < least:
            raise CommandError(f"The stories alone need {least} members.")
        demo.build(members_count=options["members"], seed=options["seed"])
        self.stdout.write(f"The demo world stands at {clock.now():%Y-%m-%d %H:%M}.")

    def go_on(self, until: date) -> None:
        instant = clock.midnight(until + timedelta(days=1)) - timedelta(minutes=1)
        if instant <= clock.now():
            raise CommandError(f"The demo has come to {clock.today()} already; time only goes on.")
        demo.go_on(instant)
        self.stdout.write(f"The demo has come to {clock.now():%Y-%m-%d %H:%M}.")

    def print_logins(self) -> None:
        self.stdout.write(f"Password of everybody: {demo.PASSWORD}")
        for who, email in demo.logins():
            self.stdout.write(f"  {email:32} {who}")
        self.stdout.write(
            "Staff also type a code: manage.py demo --code prints the one of this half minute,"
            f" or give the key {demo.TOTP_SECRET} to an authenticator app."
        )


def code_now() -> str:
    """The six digits that the demo's staff type in this half minute."""
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(demo.TOTP_SECRET, counter)))

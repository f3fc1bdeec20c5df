"""How much a first visit to the home page asks of a telephone line, as it is served in earnest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from assessments.states import Stage
from tests import make
from tests.browser import PHONE, chromium, until_the_server_has_let_go

pytestmark = pytest.mark.django_db(transaction=True)

MOST_BYTES, MOST_REQUESTS = 110_000, 8


class Quiet(WSGIRequestHandler):
    def log_message(self, *_what: Any) -> None:
        """Nothing is written about a visit."""


@pytest.fixture
def served(settings: Any, tmp_path: Path) -> Iterator[str]:
    """The application behind its own server, static files collected and compressed."""
    settings.STATIC_ROOT = tmp_path
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = False
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    call_command("collectstatic", verbosity=0, interactive=False)
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_first_visit_to_the_home_page_is_light(served: str) -> None:
    """With a published period on it, in a browser that has kept nothing."""
    make.disclosure(make.period(Stage.LOCKED, members=3))
    received: dict[str, int] = {}
    with chromium() as browser:
        page = browser.new_page(viewport={"width": PHONE.width, "height": 844})
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on(
            "Network.loadingFinished",
            lambda done: received.update({done["requestId"]: done["encodedDataLength"]}),
        )
        page.goto(served)
        page.wait_for_load_state("networkidle")
    until_the_server_has_let_go()
    print(received)

    assert sum(received.values()) > 10_000  # the styles were among them
    assert sum(received.values()) <= MOST_BYTES, received
    assert len(received) <= MOST_REQUESTS, received

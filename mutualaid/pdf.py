"""HTML in, bytes out; the only importer of weasyprint. It reaches no network and no file.

Every room's papers are made here. PDF/UA-1. The font is named on `html`, so that margin boxes use
it too; the full Noto Sans CJK, as region subsets print blank Chinese in some viewers (ux.md §5.2).
"""

from __future__ import annotations


def render(html: str) -> bytes:
    """A page of ours as PDF/UA-1. What it refers to is loaded from `data:` addresses alone."""
    # Slow to import, and the web process does without Pango.
    from weasyprint import HTML  # noqa: PLC0415
    from weasyprint.urls import URLFetcher  # noqa: PLC0415

    fetcher = URLFetcher(allowed_protocols=["data"], allow_redirects=False)
    document = HTML(string=html, url_fetcher=fetcher, base_url="data:,")
    made: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
    return made

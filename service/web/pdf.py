"""A printed sheet as PDF, where WeasyPrint is installed (the `pdf` extra, with Debian's Pango).

Nothing is fetched while it is drawn: no address that a source wrote is ever followed.
"""

from __future__ import annotations

import logging
from typing import Any

from service.errors import ServiceError


class PdfNotInstalled(ServiceError):
    """PDF takes the `pdf` extra and the library Pango; print the page from the browser instead."""


def drawn_or_nothing(html: str, style: str) -> bytes:
    """The sheet, or nothing where PDF is not installed."""
    try:
        return pdf(html, style)
    except PdfNotInstalled:
        return b""


def pdf(html: str, style: str) -> bytes:
    """The sheet, with this style. Raises: PdfNotInstalled."""
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError):
        raise PdfNotInstalled from None
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    nothing = URLFetcher(allowed_protocols=())
    document: Any = weasyprint.HTML(string=html, url_fetcher=nothing)
    ours = weasyprint.CSS(string=style, url_fetcher=nothing)
    drawn: bytes = document.write_pdf(stylesheets=[ours])
    return drawn

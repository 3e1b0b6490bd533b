"""Pages drawn without a server, and what stands in them besides text."""

from __future__ import annotations

from html.parser import HTMLParser

from service.model.review import User, UserRole
from service.web.patient.view import Page
from service.web.templating import environment

PHARMACIST = User("u-1", "Dana Demo, PharmD", UserRole.PHARMACIST)


def drawn(template: str, **values: object) -> str:
    return environment().get_template(template).render(user=PHARMACIST, **values)


def patient_page(page: Page) -> str:
    return drawn("patient.html", page=page)


class Skeleton(HTMLParser):
    """Every element of a page with the names of its attributes; what is text leaves no trace."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attributes)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

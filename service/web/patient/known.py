"""What the sources told of a patient and how completely: what an empty place on a page may mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from service.web.language import counted, say
from service.web.patient.unread import Unread, day_notes, unread
from service.web.reasons import why
from service.web.words import first_upper, unit_words

CONSEQUENCE: Final = {
    "unavailable": "Nothing of it is known; this is not an empty list.",
    "withheld": "It refuses or narrows what it holds; what is missing here may exist there.",
    "partial": "Something is known to be missing; nothing is concluded from what is absent.",
    "stale": "The last good data is shown.",
}


@dataclass(frozen=True, slots=True)
class Silence:
    """Why one source lists no drug. `read` says that it was read whole and holds none."""

    name: str
    read: bool
    words: str


@dataclass(frozen=True)
class Known:
    """The facts of one report document (`concord/report/1`) beside its drugs and findings."""

    content: Mapping[str, Any]

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Each source with what its state means for the reader."""
        return [
            {**source, "consequence": CONSEQUENCE.get(source["state"], "")}
            for source in self.content["sources"]
        ]

    @cached_property
    def complete(self) -> bool:
        """Whether there are sources and all of them were read whole."""
        sources = self.content["sources"]
        return bool(sources) and all(source["state"] == "complete" for source in sources)

    @property
    def incomplete(self) -> list[str]:
        """The sources that were not wholly read, each with its state in words."""
        return [
            f"{source['name']} ({say(source['state'])})"
            for source in self.content["sources"]
            if source["state"] != "complete"
        ]

    @property
    def certificates(self) -> list[dict[str, Any]]:
        """How each resource type of each source was read."""
        return [
            {"source": source["name"], "type": type_, **certificate}
            for source in self.content["sources"]
            for type_, certificate in source["resources"].items()
            if certificate["state"] != "not-offered"
        ]

    @property
    def problems(self) -> list[Unread]:
        """What could not be read."""
        return unread(self.content["problems"])

    @property
    def day_notes(self) -> list[str]:
        return day_notes(self.content["problems"])

    @property
    def allergies(self) -> list[str]:
        return list(self.content.get("context", {}).get("allergies", ()))

    @property
    def no_allergies(self) -> str:
        return say("none recorded") if self.complete else say("none read; a source is not complete")

    @property
    def measures(self) -> list[dict[str, str]]:
        """Weight, kidney function, QTc, pregnancy: the newest value of each."""
        measures = self.content.get("context", {}).get("measures", ())
        return [
            {
                **measure,
                "title": first_upper(measure["title"]),
                "value": unit_words(measure["value"]),
            }
            for measure in measures
        ]

    @property
    def next(self) -> dict[str, Any] | None:
        """The next appointment."""
        found: dict[str, Any] | None = self.content.get("next_appointment")
        return found

    @property
    def no_appointment(self) -> str:
        return say("none booked") if self.complete else say("none read; a source is not complete")

    @property
    def no_medications(self) -> str:
        """What an empty list means; never silent about why it is empty."""
        if not self.content["sources"]:
            return say("No source was read. Nothing is known of what is taken.")
        if self.complete:
            return say("No medications are recorded in any source.")
        return say("No medication line could be read. This does not mean that nothing is taken.")

    @property
    def silences(self) -> list[Silence]:
        """Each source with why no drug of it is shown."""
        return [_silence(source, self.content["problems"]) for source in self.content["sources"]]


def _silence(source: Mapping[str, Any], problems: list[Mapping[str, str]]) -> Silence:
    name, read = source["name"], source["state"] == "complete"
    if read:
        words = say("was read whole and lists no medication.")
    else:
        told = say(CONSEQUENCE.get(source["state"], ""))
        words = " ".join(
            [say("is {state}.", state=say(source["state"])), told, *map(why, source["reasons"])]
        )
    own = sum(1 for problem in problems if problem["source"] == name)
    if own:
        unread_words = counted(
            "{count} thing of it could not be read; see below.",
            "{count} things of it could not be read; see below.",
            own,
        )
        return Silence(name, False, f"{words} {unread_words}")
    return Silence(name, read, words)

"""One reading of one direction: its bounds and steps, and the words that go with a dose."""

from __future__ import annotations

import re
from decimal import Decimal

from service.model.dosage import Dosage
from service.normalize.sig_parts import NotRead, dosages_of
from service.normalize.sig_times import Times

_LONGEST_REASON = 8
_LAST_DAY = 366
_BOTH_SIDES = re.compile(r"\b(?:each|both|per)\b")
"""`2 sprays in each nostril` are four sprays."""


class Reading(Times):
    """One reading, with the phrases that bound it and those that change nothing of the dose."""

    # Bounds and steps

    def duration(self, found: re.Match[str]) -> None:
        self._in_reason = False
        span = "day" if found["span"].startswith("night") else found["span"]
        length = Decimal(found["high"] or found["low"]) * self._days(span)
        if self._part.duration_d not in (None, length):
            raise NotRead
        self._part.duration_d = length

    def window(self, found: re.Match[str]) -> None:
        """`on days 1 to 3`, `week 2:`, before or after the dose that holds then."""
        self._in_reason = False
        first, last = int(found["low"]), int(found["high"] or found["low"])
        if not 1 <= first <= last <= _LAST_DAY:
            raise NotRead
        if found["span"] == "week":
            first, last = 7 * first - 6, 7 * last
        if self._part.window is not None or self._then:
            if self._part.dose is None:
                raise NotRead
            self._next_part()
        self._part.window = (first, last)

    def count(self, found: re.Match[str]) -> None:
        """`for 14 doses`: a length, once the times are known."""
        if self._part.count is not None or found["low"] == "0":
            raise NotRead
        self._in_reason = False
        self._part.count = Decimal(found["low"])

    def cycles(self, _: re.Match[str]) -> None:
        """`for 16 cycles` bounds a course whose length it does not tell."""

    def then(self, found: re.Match[str]) -> None:
        if self._part.dose is None:
            raise NotRead
        self._in_reason = False
        self._then, self._stepped = True, bool(found["step"])

    def ends(self, _: re.Match[str]) -> None:
        """`then stop` closes steps whose lengths are told."""
        if self._part.duration_d is None and self._part.window is None and not self._part.count:
            raise NotRead
        self._ended = True

    def trailing(self, _: re.Match[str]) -> None:
        """`thereafter` at the end of a last step."""
        if not self._part.after_then or self._part.duration_d is not None:
            raise NotRead

    def joint(self, _: re.Match[str]) -> None:
        self._joint = True

    # What goes with a dose, and words

    def as_needed(self, _: re.Match[str]) -> None:
        self._part.as_needed = True
        self._in_reason = True

    def reason(self, _: re.Match[str]) -> None:
        self._in_reason = True

    def note(self, _: re.Match[str]) -> None:
        """Advice such as "do not crush", whose words may be any that change no dose and no time."""
        if not self._part.timed:
            raise NotRead
        self._in_reason = True

    def dispensed(self, _: re.Match[str]) -> None:
        """`20 rf 0` at the end: what is handed over and how often again, no dose."""
        if not self._part.timed:
            raise NotRead

    def route(self, found: re.Match[str]) -> None:
        self._in_reason = self._in_reason and self._part.as_needed
        self._part.route = self._part.route or self._routes.by_spelling[found["word"]]
        if _BOTH_SIDES.search(found["word"]):
            self._part.sides = 2

    def infusion(self, _: re.Match[str]) -> None:
        """How long one dose runs in changes nothing of how much it is."""

    def mixed(self, _: re.Match[str]) -> None:
        """What a dose is mixed into is no dose."""

    def with_food(self, _: re.Match[str]) -> None:
        """`with food or milk` is no choice between doses."""

    def sentence(self, _: re.Match[str]) -> None:
        self._in_reason = self._part.timed or self._part.as_needed
        self._joint = False

    def mark(self, _: re.Match[str]) -> None:
        """Punctuation between phrases."""

    def word(self, found: re.Match[str]) -> None:
        word = found["word"]
        if word == "taper" and not self._verbs and self._part.dose is None:
            return
        if word in self._frequencies.meaning:
            raise NotRead
        if self._in_reason:
            if self._part.as_needed and len(self._part.reason) < _LONGEST_REASON:
                self._part.reason.append(word)
            return
        if word not in self._frequencies.harmless:
            raise NotRead
        if self._part.dose is None:
            self._verbs += 1
        else:
            self._strength_first = True

    def dosages(self, text: str) -> tuple[Dosage, ...]:
        """What was read, as dosages.

        Raises: NotRead when a part lacks its times or the parts contradict each other.
        """
        excepted = self._except and not self._part.but_days
        if self._then or self._alternate or excepted:
            raise NotRead
        return dosages_of(self._parts, text)

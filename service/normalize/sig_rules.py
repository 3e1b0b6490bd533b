"""The phrases of English directions as anchored patterns, built once from the tables.

No pattern holds a repetition inside a repetition, so that matching stays linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from service.normalize.frequency import Frequencies
from service.normalize.routes import Routes
from service.normalize.sig_phrases import Phrases
from service.normalize.sig_text import NUMBER
from service.normalize.units import Units

_RANGE = rf"(?P<low>{NUMBER})(?: to (?P<high>{NUMBER}))?"
_SPAN = (
    r"hours?|hrs?|h|days?|d|weeks?|wks?|wk|months?|mos?|minutes?|mins?|nights?|mornings?|evenings?"
)
_DAYS = {
    "mon": r"mondays?|mon",
    "tue": r"tuesdays?|tues?",
    "wed": r"wednesdays?|weds?",
    "thu": r"thursdays?|thurs?|thu",
    "fri": r"fridays?|fri",
    "sat": r"saturdays?|sat",
    "sun": r"sundays?|sun",
}
WEEKDAYS = tuple(_DAYS)
_ANY_DAY = "|".join(_DAYS.values())
_A_DAY = r"(?:per|/|a|in|each|every) ?(?:a |the )?(?:day|24 (?:hours?|hrs?|h))|daily"


def rules(units: Units, frequencies: Frequencies, routes: Routes) -> Phrases:
    """Every phrase, in the order in which they are tried."""
    unit = _any(
        spelling
        for spelling, one in units.by_spelling.items()
        if one.kind != "time" and spelling[0] not in "{[1" and spelling != "l"
    )
    noun, meal = _any(frequencies.nouns), _any(frequencies.meals)
    day = "|".join(f"(?P<{name}{{n}}>{pattern})" for name, pattern in _DAYS.items())
    ends = r"(?![a-z])"
    patterns = (
        (
            "most",
            r"(?:to )?(?:a )?"
            r"(?P<word>mdd|max(?:imum|imim)?|(?:do )?not (?:to )?exceed|nte|no more than)"
            rf"\.?(?: of)?(?P<daily> (?:total )?daily)?(?: (?:dose|amount))?(?: is| of|:)? ?"
            rf"(?P<low>{NUMBER}) ?(?P<unit>{unit})?{ends} ?(?P<suffix>{_A_DAY})?{ends}",
        ),
        (
            "ends",
            r"(?:and )?then (?:stop|discontinue)(?: taking)?(?: it)?(?= ?\.?\Z)",
        ),
        ("trailing", r"thereafter(?= ?\.?\Z)"),
        (
            "then",
            r"(?:and )?(?:then|followed by|thereafter)"
            r"(?: (?P<step>increase|decrease|reduce|go up|go down)(?: to)?| continue| take)?"
            r"(?![a-z])",
        ),
        (
            "as_needed",
            r"(?:only )?(?:prn|(?:if|as|when|whenever) (?:needed|required|necessary))(?: prn)?"
            r"(?: for)?(?![a-z])",
        ),
        (
            "single",
            r"(?:(?:for |x )?1 (?:dose|times) only|(?:x|for) 1(?: doses?)?(?![\d.])"
            r"(?! ?(?:days?|d|weeks?|wks?|months?)(?![a-z]))|at 1 times|single dose|stat|now)"
            r"(?![a-z])",
        ),
        (
            "window",
            r"(?:on )?(?P<span>day|week)s? (?P<low>\d{1,3})(?: (?:to|through|thru) "
            r"(?P<high>\d{1,3}))?(?! of)(?![\d.]) ?:?",
        ),
        ("count", rf"(?:for|x) (?P<low>\d{{1,3}}) doses?{ends}"),
        (
            "days_a_week",
            rf"(?P<low>[1-7]) days? ?(?:a|per|each|every|out of the|/) ?(?:week|wk){ends}",
        ),
        (
            "duration",
            rf"(?:for(?: up to| the next)?|x|times|during) ?{_RANGE} ?"
            rf"(?P<span>days?|d|weeks?|wks?|wk|months?|mos?|nights?){ends}(?! of)",
        ),
        ("duration", rf"{_RANGE} (?P<span>days?|weeks?)(?= ?\.?\Z)"),
        (
            "worn",
            r"(?:and )?(?:then )?(?:remove|take off|discard)(?: (?:the )?patch| it)? after "
            r"(?P<low>\d{1,2}) ?(?:hours?|hrs?|h)(?![a-z])",
        ),
        (
            "worn",
            r"(?:leave on|wear)(?: it)?(?: for)? (?P<low>\d{1,2}) ?(?:hours?|hrs?|h)(?![a-z])"
            r"(?:,? (?:and |then )?(?:remove|off)(?! for))?",
        ),
        (
            "removed",
            r"(?:and )?(?:remove|discard)(?: the)? (?:old|previous|used)(?: patch(?:es)?| one)?"
            r"(?: first)?(?![a-z])",
        ),
        ("cycles", rf"(?:for|x) {_RANGE} cycles?"),
        (
            "meal",
            rf"(?:{_RANGE} (?:minutes?|mins?|hours?|hrs?|h) )?"
            rf"(?P<order>with|before|after|at|during|prior to|w/) (?:each |every |your |the |a )?"
            rf"(?P<meal>{meal}){ends}",
        ),
        (
            "before_bed",
            rf"{_RANGE} (?:minutes?|mins?|hours?|hrs?|h) (?:before|prior to) (?:going to )?"
            rf"(?P<noun>bed ?time|bed|sleep){ends}",
        ),
        (
            "offset",
            rf"{_RANGE} (?:minutes?|mins?|hours?|hrs?|h) (?:before|prior to|after)(?: [a-z]+)?",
        ),
        (
            "offset",
            rf"(?:starting|beginning) {NUMBER} days? (?:before|prior to|after) (?:the |your )?"
            r"(?:surgery|procedure|operation)(?![a-z])",
        ),
        (
            "otherwise",
            r"(?:do not|don't|dont) take (?:anything|any|it)? ?on (?:the )?other days(?![a-z])",
        ),
        ("dispensed", rf"(?:#|qty:?|disp(?:ense)?:?)? ?{NUMBER},? (?:rf|refills?):? {NUMBER}\Z"),
        (
            "exception",
            rf"except(?: for)?(?: take)?(?: on)? ?(?={NUMBER}|(?:on )?(?:{_ANY_DAY}|week))",
        ),
        (
            "other_days",
            r"(?:on )?(?:(?:all |the )+(?:other|remaining) days|the other days|other days"
            r"|the rest)(?: of the week)?(?![a-z])",
        ),
        ("alternating", r"(?:and )?alternat(?:ing|e) with(?![a-z])"),
        ("note", r"to (?:reduce|prevent)(?= (?:the |after|risk|irritation|incidence))"),
        ("infusion", rf"(?:infuse )?over {_RANGE} (?:minutes?|mins?|hours?|hrs?|h){ends}"),
        ("infusion", rf"at {NUMBER} ?(?:ml|l)/(?:min|hr?|hour){ends}"),
        (
            "mixed",
            rf"(?:dissolved? in|mixed (?:in|with)|mix (?:in|with)|in|with)"
            rf"(?: d5 ?w| ns| saline| normal saline)? {_RANGE} ?(?:oz|ounces?|ml|cups?|glass)"
            rf"(?: of)?(?: (?:water|juice|liquid|fluid|beverage|d5 ?w|ns|saline))?{ends}",
        ),
        (
            "times",
            rf"(?P<upto>up to )?{_RANGE} times? ?(?:a |per |each |every |in a |/ ?)?"
            rf"(?P<span>days?|daily|d|weeks?|weekly|wk|months?|monthly|nights?|nightly){ends}",
        ),
        ("every", rf"(?:every|each|q|q\.) ?{_RANGE} ?-?(?P<span>{_SPAN}){ends}"),
        ("every", rf"(?:every|each|q|q\.) ?(?P<span>hour|day|d|week|wk|month){ends}"),
        ("abbreviation", rf"(?P<word>{_any(frequencies.abbreviations)}){ends}"),
        (
            "clock",
            r"(?:at|(?P<more>(?:and|&),?)) (?P<hour>\d{1,2})(?::\d\d)? ?(?P<half>[ap])\.?m\.?"
            r"(?![a-z])",
        ),
        (
            "clock",
            r"(?:at|(?P<more>(?:and|&),?)) (?:[01]\d|2[0-3]):?[0-5]\d(?: ?(?:hrs?|hours|h))?"
            r"(?![a-z\d.:])",
        ),
        (
            "weekday_range",
            rf"(?:on |every |each |from )?(?P<first>{_ANY_DAY}) ?(?:to|through|thru|-|–) ?"
            rf"(?P<last>{_ANY_DAY}){ends}",
        ),
        ("weekday_range", rf"(?:on |every |each )?(?P<part>week(?:day|end)s?){ends}"),
        ("weekday", rf"(?:on |every |each )?(?:{day.format(n='')}){ends}"),
        (
            "noun",
            r"(?:(?:in|at|every|each|q|before|during|on|upon) ?)?(?:the |each |every )?"
            rf"(?P<noun>{noun}){ends}",
        ),
        ("per", rf"(?:a|per|each|/) ?(?P<span>day|d|week|wk|month){ends}"),
        (
            "rate",
            rf"(?P<open>\( ?)?(?P<low>{NUMBER}) ?(?P<unit>mcg|ug|mg)/(?:hr?|hour){ends}"
            r"(?P<close> ?\))?(?P<form> patch(?:es)?(?![a-z]))?",
        ),
        ("times_alone", r"(?P<low>1) times?(?![a-z])"),
        (
            "forms_of",
            rf"(?P<low>{NUMBER}) (?P<high>{NUMBER}) ?(?P<unit>mg|mcg|ug|g)"
            rf" (?P<form>tab(?:let)?s?|cap(?:sule)?s?){ends}",
        ),
        ("equals", rf"{NUMBER} ?(?:{unit}) ?= ?{NUMBER} ?(?:{unit}){ends}"),
        (
            "dose",
            rf"(?P<open>\( ?)?{_RANGE} ?(?P<unit>(?:{unit})(?:/(?:kg|m2|m²)(?:/(?:dose|day))?)?)?"
            rf"{ends}(?P<total> total(?: dose)?)?(?P<close> ?\))?",
        ),
        ("one_form", rf"an? (?P<unit>{unit}){ends}"),
        (
            "one_form",
            r"(?:change|replace|apply|place|wear)(?: a| the| new)* (?P<unit>patch)(?![a-z])",
        ),
        ("route", rf"(?P<word>{_any(routes.by_spelling)}){ends}"),
        ("reason", r"for(?! \d)(?![a-z])"),
        (
            "note",
            r"(?:do not|don't|dont) (?=(?:crush|chew|cut|split|break|open|drive|drink|operate|lie"
            r"|refrigerate|freeze|drop|suddenly|abruptly|discontinue suddenly|stop (?:suddenly"
            r"|abruptly|taking (?:suddenly|abruptly)|without)|combine|mix|swallow|use alcohol"
            r"|use with|take with|breastfeed)(?![a-z]))",
        ),
        (
            "note",
            r"(?:rinse mouth|inform|patient will|if not covered|may cause|may be taken with)"
            r"(?![a-z])",
        ),
        ("joint", r"(?:and(?![a-z])|&|\+|,)"),
        ("mark", r"do all (?:of )?this(?= for \d)"),
        ("with_food", r"(?:food|milk|water|juice)(?: (?:or|and) (?:food|milk|water|juice))+"),
        ("sentence", r"[.;](?!\d)"),
        ("mark", r"[ ()/:!\-\"'*]"),
        ("word", r"(?P<word>[a-zµμ][a-zµμ']*)"),
    )
    return Phrases(patterns)


def _any(spellings: Iterable[str]) -> str:
    """An alternative of literal spellings, longest first."""
    return "|".join(re.escape(one) for one in sorted(spellings, key=lambda one: (-len(one), one)))

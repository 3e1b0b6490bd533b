"""A medication text taken apart: words that may be names, amounts, form, release, route.

Reads the shapes in which records write drugs ("PRINIVIL (LISINOPRIL) 10 MG Tablet",
"Seroquel XR 300mg tab", "lisinopril-hydrochlorothiazide 20-12.5 mg", "Bydureon 2mg per 0.65 ml
pen"); directions after the drug ("take 2 tabs daily") are cut off. It knows no drug.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from service.normalize.drug_rows import folded


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount of a text in milligrams, millilitres, UCUM units; `per` is "mL", "mg", "h" ...

    `volume` is the mL that the amount was stated for ("234 mg/1.5 mL"). Percentages are grams per
    100 mL, written as mg/mL; of semisolids as mg/mg (see `alternatives`).
    """

    value: Decimal
    unit: str
    per: str | None = None
    volume: Decimal | None = None

    def alternatives(self) -> tuple[tuple[Decimal, str, str | None], ...]:
        """The (value, unit, per) triples that RxNorm may write for this amount."""
        own = (self.value, self.unit, self.per)
        if self.unit == "%":
            return (
                own,
                (self.value * 10, "mg", "mL"),
                (self.value / 100, "mg", "mg"),
            )
        if self.per is None:
            return (own, (self.value, self.unit, "{actuat}"), (self.value, self.unit, "h"))
        return (own,)


@dataclass(frozen=True, slots=True)
class TextReading:
    """What a text says beside the name; `words` are the folded words in order, amounts left out.

    `head` counts the words before the directions, `bracketed` the brand in square brackets.
    `amounts` has one entry per number ("20-12.5 mg": two). `bare` are numbers joined without a unit
    ("Sinemet 25-100"), "" where there are none. `exact` is the folded whole.
    """

    words: tuple[str, ...]
    head: int
    bracketed: str
    amounts: tuple[Amount, ...]
    form: str
    release: str
    route: str
    exact: str
    bare: tuple[Decimal, ...] = ()


_NUMBER = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_UNITS: dict[str, tuple[str, Decimal | int]] = {
    "mg": ("mg", 1), "milligram": ("mg", 1), "milligrams": ("mg", 1),
    "mcg": ("mg", Decimal("0.001")), "ug": ("mg", Decimal("0.001")),
    "microgram": ("mg", Decimal("0.001")), "micrograms": ("mg", Decimal("0.001")),
    "g": ("mg", 1000), "gm": ("mg", 1000), "gram": ("mg", 1000), "grams": ("mg", 1000),
    "meq": ("meq", 1), "mmol": ("mmol", 1),
    "unt": ("[iU]", 1), "unit": ("[iU]", 1), "units": ("[iU]", 1), "iu": ("[iU]", 1),
    "u": ("[iU]", 1), "%": ("%", 1), "ml": ("mL", 1), "hr": ("h", 1), "hour": ("h", 1),
    "actuat": ("{actuat}", 1), "actuation": ("{actuat}", 1), "actuations": ("{actuat}", 1),
}  # fmt: skip
_PER: dict[str, tuple[str | None, int]] = {
    "ml": ("mL", 1), "l": ("mL", 1000), "mg": ("mg", 1), "g": ("mg", 1000), "gm": ("mg", 1000),
    "h": ("h", 1), "hr": ("h", 1), "hour": ("h", 1), "actuat": ("{actuat}", 1),
    "actuation": ("{actuat}", 1), "act": ("{actuat}", 1), "puff": ("{actuat}", 1),
    "inhal": ("{actuat}", 1), "inhalation": ("{actuat}", 1), "spray": ("{actuat}", 1),
    "dose": ("{actuat}", 1), "tab": (None, 1), "tablet": (None, 1), "cap": (None, 1),
    "capsule": (None, 1), "sqcm": ("cm2", 1),
}  # fmt: skip
_AMOUNT = re.compile(
    rf"(?<![a-z0-9.])(?<!\d,)(?P<numbers>{_NUMBER}(?:\s?[-/]\s?{_NUMBER})*)\s?-?"
    rf"(?P<unit>{'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![a-z])"
    rf"(?:\s?(?:/|\bper\b)\s?(?P<count>{_NUMBER})?\s?"
    rf"(?P<per>{'|'.join(sorted(_PER, key=len, reverse=True))})s?(?![a-z]))?"
)
_BARE = re.compile(rf"(?<![\w.,/-]){_NUMBER}(?:[-/]{_NUMBER})+(?![\w.,/%-])")
_DIRECTIONS = re.compile(
    r"\b(?:take|takes|taking|sig|inhale|apply|instill|inject \d|use \d|place|chew \d|dissolve"
    r"|swallow|insert|give|by mouth|p\.?o\.?|prn|qd|bid|tid|qid|qhs|qam|qpm|q ?\d+ ?h|once|twice"
    r"|daily|every|as directed|x ?\d+|\d+ (?:tabs?|tablets?|caps?|capsules?|puffs?|sprays?|drops?)"
    r"(?: |$))\b"
)
_TAGS = re.compile(r"\((?:product|substance|medicinal product|clinical drug)\)")
_RELEASES = {
    "ER": r"er|xr|sr|cr|la|xl|cd|xt|tr|sa|pa|(?:extended|sustained|controlled|prolonged|modified)"
    r"[- ]release|(?:12|24)[- ]?(?:hr|hour|h)|long[- ]acting|slow[- ]release",
    "DR": r"dr|ec|delayed[- ]release|enteric[- ]coated|gastro[- ]?resistant",
    "ODT": r"odt|(?:orally )?disintegrating|zydis|m[- ]tabs?|rapidly disintegrating|orodispersible",
}
_RELEASE = {
    release: re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])")
    for release, words in _RELEASES.items()
}
_FORMS = {
    "tablet": "tab tabs tablet tablets tb caplet caplets pill pills odt",
    "capsule": "cap caps capsule capsules cp softgel sprinkle",
    "suspension": "susp suspension",
    "solution": "soln sol solution elixir syrup liquid concentrate drops",
    "injection": "inj injection injectable injector vial ampul ampule syringe pen flexpen kwikpen "
    "solostar flextouch autoinjector im iv intramuscular subcutaneous subq sc",
    "patch": "patch patches transdermal",
    "inhaler": "inhaler hfa mdi diskus discus flexhaler respimat handihaler ellipta respiclick "
    "inhalant inh turbuhaler twisthaler",
    "cream": "cream crm",
    "ointment": "ointment oint ung",
    "gel": "gel",
    "lotion": "lotion",
    "foam": "foam",
    "shampoo": "shampoo",
    "spray": "spray",
    "suppository": "suppository supp suppositories",
    "film": "film films strip",
    "lozenge": "lozenge lozenges",
    "gum": "gum",
    "powder": "powder packet granules",
    "implant": "implant",
    "nebulizer": "nebulizer neb nebules",
}
_FORM_OF = {word: form for form, words in _FORMS.items() for word in words.split()}
_ROUTES = {
    "oral": "oral", "po": "oral", "nasal": "nasal", "ophthalmic": "ophthalmic", "eye": "ophthalmic",
    "otic": "otic", "ear": "otic", "topical": "topical", "rectal": "rectal", "vaginal": "vaginal",
    "sublingual": "sublingual", "sl": "sublingual", "buccal": "buccal", "im": "parenteral",
    "iv": "parenteral", "intramuscular": "parenteral", "subcutaneous": "parenteral",
    "transdermal": "transdermal", "injection": "parenteral", "inhalation": "inhalation",
}  # fmt: skip
_LAY_WORDS = re.compile(r"\bwater (?:pill|tablet)s?\b")
"""What patients call a diuretic: no drug called water."""

_SHORT_SALTS = {
    "hcl": "hydrochloride", "hbr": "hydrobromide", "na": "sodium", "sod": "sodium",
    "pot": "potassium", "succ": "succinate", "tart": "tartrate", "mesyl": "mesylate",
    "carb": "carbonate",
}  # fmt: skip
_OTHER_WORDS = (
    "hydrochloride hydrobromide sodium potassium calcium maleate succinate tartrate bitartrate "
    "mesylate besylate fumarate sulfate phosphate acetate citrate oxalate tosylate nitrate "
    "gluconate carbonate chloride bromide propionate furoate pamoate monohydrate dihydrate "
    "anhydrous usp "
    "extended release delayed sustained controlled coated enteric oral topical nasal otic eye ear "
    "and with of in for per the or to a an as by hr hour hours release acting long strength dose "
    "pack kit starter mini prefilled metered dry strengths medication product generic brand extra "
    "medicine medicines medications meds "
    "regular max maximum daily er xr sr cr la xl dr ec odt cd chewable disintegrating orally film "
    "rapid action day night once time pre post each box bottle single use multi unit units new"
)
FORM_WORDS = frozenset(_FORM_OF)
NOT_NAMES = frozenset(_OTHER_WORDS.split()) | FORM_WORDS
"""Words that no single-word brand or misspelling is read from."""


def read_text(text: str) -> TextReading:
    """The reading of one medication text; of an empty text everything is empty."""
    plain = visible(unicodedata.normalize("NFKC", text)).casefold().replace("\u03bcg", "mcg")
    plain = _TAGS.sub(" ", plain.replace("\u00ae", " ").replace("\u2122", " "))
    plain = _LAY_WORDS.sub(" ", plain)
    exact = folded(plain)
    bracket = re.search(r"\[([^]]*)\]\s*$", plain)
    bracketed = folded(bracket[1]) if bracket else ""
    directions = _DIRECTIONS.search(plain, _first_word_end(plain))
    cut = directions.start() if directions else len(plain)
    head, rest = plain[:cut], plain[cut:]
    amounts = tuple(amount for match in _AMOUNT.finditer(head) for amount in _amounts(match))
    before = _words(_AMOUNT.sub(_form_of_amount, head))
    after = _words(_AMOUNT.sub(_form_of_amount, rest))
    described = before if any(w in _FORM_OF for w in before) else (*before, *after)
    releases = [name for name, words in _RELEASE.items() if words.search(head)]
    return TextReading(
        words=(*before, *after),
        head=len(before),
        bracketed=bracketed,
        amounts=amounts,
        form=_form(described),
        release=releases[0] if releases else "",
        route=next((_ROUTES[word] for word in before if word in _ROUTES), ""),
        exact=exact,
        bare=_bare(_AMOUNT.sub(" ", head)),
    )


def visible(text: str) -> str:
    """Without the characters that nobody sees: joiners, soft hyphens, marks of direction."""
    if text.isascii():
        return text
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def _bare(head: str) -> tuple[Decimal, ...]:
    found = _BARE.findall(head)
    return tuple(map(Decimal, re.split("[-/]", found[0]))) if len(found) == 1 else ()


def _form_of_amount(match: re.Match[str]) -> str:
    """What is left of an amount among the words: the dose form of "5-325 mg per tablet"."""
    return f" {match['per']} " if match["per"] in _FORM_OF else " "


def _first_word_end(text: str) -> int:
    """Directions cannot start before the first word that could be a name has ended."""
    match = re.search(r"[a-z]{3,}", text)
    return match.end() if match else len(text)


def _words(text: str) -> tuple[str, ...]:
    words = (word.strip(".'") for word in folded(text).split())
    return tuple(_SHORT_SALTS.get(word, word) for word in words if word)


def _form(words: tuple[str, ...]) -> str:
    found = [_FORM_OF[word] for word in words if word in _FORM_OF]
    specific = [form for form in found if form not in {"powder", "injection", "spray"}]
    if "nasal" in words and found:
        return "spray"
    if "powder" in found and {"solution", "suspension"} & set(found):
        return next(form for form in found if form in {"solution", "suspension"})
    return (specific or found or [""])[0]


def _amounts(match: re.Match[str]) -> tuple[Amount, ...]:
    numbers = [
        Decimal(number.strip().replace(",", "")) for number in re.split(r"[-/]", match["numbers"])
    ]
    unit, factor = _UNITS[match["unit"]]
    per, per_factor = _PER[match["per"]] if match["per"] else (None, 1)
    count = Decimal(match["count"].replace(",", "")) if match["count"] else Decimal(1)
    if count == 0:
        return ()
    volume = count * per_factor if per == "mL" and match["count"] else None
    return tuple(
        Amount(_rounded(number * factor / (count * per_factor)), unit, per, volume)
        for number in numbers
    )


def _rounded(value: Decimal) -> Decimal:
    """Without the digits that a division leaves (2 mg per 0.65 mL): twelve significant ones."""
    return value if len(value.as_tuple().digits) <= 12 else Decimal(f"{value:.12g}")

"""Words of real drug names that the table does not carry, but that look like a slip of one it does.

    python -m service.mappings.rxnorm_words REFERENCE [mappings]

"Insulin" is no misspelled inulin and "Dettol" no Detrol. Written to `rxnorm/other_words.tsv` (word,
the name it stands in): every word of RxNorm's ingredients and brands, of six letters or more, that
is no name of the table and lies one letter from one. A text that holds such a word is not read by
its spelling. REFERENCE is the folder that `rxnorm_build` takes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from service.mappings.rxnorm import OTHER_WORD_COLUMNS, OTHER_WORDS, load_drug_table
from service.mappings.rxnorm_reference import read_reference
from service.normalize.drug_rows import folded
from service.normalize.drug_spelling import SHORTEST_MISSPELLED, near_names
from service.normalize.drug_table import DrugTable

_NAMES = frozenset({"IN", "PIN", "BN"})


def other_words(names: Iterable[str], table: DrugTable) -> dict[str, str]:
    """The words, each with the first name (by the alphabet) that it stands in."""
    found: dict[str, str] = {}
    for name in sorted(names):
        for word in folded(name).split():
            if len(word) < SHORTEST_MISSPELLED or not word.isalpha() or word in found:
                continue
            if not table.by_ingredient_name(word) and near_names(word, table):
                found[word] = name
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    mappings = Path(arguments[1]) if len(arguments) == 2 else Path("mappings")
    reference = read_reference(Path(arguments[0]) / "rxnorm_concepts.tsv.gz")
    names = {row.name for row in reference if row.tty in _NAMES}
    words = other_words(names, load_drug_table(mappings))
    rows = ["\t".join(row) for row in (OTHER_WORD_COLUMNS, *sorted(words.items()))]
    (mappings / "rxnorm" / OTHER_WORDS).write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(words):8,} words")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

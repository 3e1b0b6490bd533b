"""The project's own drug table, loaded once for all tests of this folder."""

from functools import lru_cache
from pathlib import Path

from service.mappings.rxnorm import load_drug_table
from service.normalize.drug_table import DrugTable

MAPPINGS = Path(__file__).parents[2] / "mappings"


@lru_cache(maxsize=1)
def drug_table() -> DrugTable:
    return load_drug_table(MAPPINGS)

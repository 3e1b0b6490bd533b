"""Reconciliation measured: psychiatric patients made from a seed, findings with gold labels.

    python -m tests.benchmarks.reconciliation [--patients N] [--seed S | --held-out] [--json]

`drugs`, `spelling`, `chart`, `injections`, `distractors` and `generate` make the patients. They
share no code and no table with the service: what a finding is comes from the catalogue of findings
(GOLD.md), what a drug is from drugs.tsv and products.tsv. `contestants` are judged by `score`.
"""

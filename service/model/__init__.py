"""The nouns that every stage shares: frozen values, no behaviour beyond their own invariants.

Most are frozen dataclasses. What is made for every line of every list is a frozen msgspec.Struct,
which is made about ten times as fast and is nothing that the garbage collector must look through.
"""

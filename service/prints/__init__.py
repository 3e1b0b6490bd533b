"""Printable documents, from a report and its decisions: pure, in words, never more sure than they.

Each document carries its stamp: which sources and how completely, when, by whom signed, with which
knowledge, and "incomplete" where that is true. Templates only lay out what is said here.
"""

"""National Drug Codes: their eleven-digit form, and finding one in a sorted text."""

from __future__ import annotations

_NDC_SEGMENTS = ((5, 4, 2), (4, 4, 2), (5, 3, 2), (5, 4, 1))


def ndc11(text: str) -> tuple[str, ...]:
    """The eleven-digit readings of an NDC; empty when it is none.

    4-4-2, 5-3-2 and 5-4-1 get a zero where the segment lacks one (FDA, NDC format for HIPAA).
    """
    segments = text.strip().split("-")
    if not all(part.isascii() and part.isdigit() for part in segments):
        return ()
    if len(segments) == 3:
        labeler, product, package = segments
        if tuple(map(len, segments)) in _NDC_SEGMENTS:
            return (labeler.zfill(5) + product.zfill(4) + package.zfill(2),)
        return ()
    digits = "".join(segments)
    if len(segments) == 2 and (len(segments[0]), len(segments[1])) in {(5, 4), (4, 4), (5, 3)}:
        return (segments[0].zfill(5) + segments[1].zfill(4) + "00",)
    if len(segments) != 1:
        return ()
    if len(digits) == 11:
        return (digits,)
    if len(digits) == 10:
        return (f"0{digits}", f"{digits[:5]}0{digits[5:]}", f"{digits[:9]}0{digits[9:]}")
    return ()


def ndc_line(text: str, key: str) -> str:
    """The RxCUI that stands beside this NDC in a text of sorted lines (ndc, rxcui), else ""."""
    place = _line_start(text, key)
    line = text[place : text.find("\n", place)]
    return line[len(key) + 1 :] if line.startswith(key + "\t") else ""


def _line_start(text: str, key: str) -> int:
    """Where the first line that is not before `key` starts, in a text of sorted lines."""
    low, high = 0, len(text)
    while low < high:
        start = text.rfind("\n", 0, (low + high) // 2) + 1
        end = text.find("\n", start) + 1 or len(text)
        if text[start : end - 1] < key:
            low = end
        else:
            high = start
    return low

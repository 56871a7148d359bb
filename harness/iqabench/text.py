"""Text for a terminal, a table and the journal: what comes from outside, as file names, made fit for them; counts."""

from __future__ import annotations


def amount(number: int, one: str, many: str = "") -> str:
    """``1 image``, ``2 images``: with the noun, or whatever else agrees with the number, in one of its two forms.

    ``many`` may be left out where it is ``one`` with an s.
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def decodable(text: str) -> str:
    """``text`` as UTF-8 can hold it: a file name's bytes that are no characters are escaped, all else is kept."""
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    """``text`` as one line of printable characters; whatever else it holds is escaped as Python would.

    So an ANSI sequence in a file's name cannot reach a terminal, a newline cannot split a message, and bytes that
    are not UTF-8 (lone surrogates, in Python) can be written down. Printable text comes back as it is.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)

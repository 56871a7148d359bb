"""Text from outside, as file names and error messages, made fit for a terminal, a table and the journal."""

from __future__ import annotations


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

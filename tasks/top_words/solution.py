"""Splits at whatever is no letter and counts."""

from collections import Counter


def top_words(text, count):
    words = "".join(char if char.isalpha() else " " for char in text.lower()).split()
    ranked = sorted(Counter(words).items(), key=lambda pair: (-pair[1], pair[0]))
    return [list(pair) for pair in ranked[:count]]

"""Splits at blanks only, so that punctuation sticks to the words."""

from collections import Counter


def top_words(text, count):
    ranked = sorted(Counter(text.lower().split()).items(), key=lambda pair: (-pair[1], pair[0]))
    return [list(pair) for pair in ranked[:count]]

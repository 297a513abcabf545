"""Leaves the order of equally frequent words to the counter."""

from collections import Counter


def top_words(text, count):
    words = "".join(char if char.isalpha() else " " for char in text.lower()).split()
    return [list(pair) for pair in Counter(words).most_common(count)]

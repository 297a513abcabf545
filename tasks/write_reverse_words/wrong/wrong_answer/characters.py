"""Writes a function that reverses the characters."""

SOURCE = """\
def reverse_words(text):
    return text[::-1]
"""

print(SOURCE)

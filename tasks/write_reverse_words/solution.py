"""Writes the function down."""

SOURCE = """\
def reverse_words(text):
    return " ".join(reversed(text.split()))
"""

print(SOURCE)

"""Writes numerals greedily, and reads one by checking that it is written that way."""

import sys

VALUES = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]
DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def to_roman(number):
    parts = []
    for value, symbol in VALUES:
        count, number = divmod(number, value)
        parts.append(symbol * count)
    return "".join(parts)


def from_roman(text):
    if not text or any(char not in DIGITS for char in text):
        return None
    total = 0
    for char, following in zip(text, text[1:] + "I"):
        value = DIGITS[char]
        total += -value if value < DIGITS[following] else value
    return total if 1 <= total <= 3999 and to_roman(total) == text else None


def convert(word):
    if word.isdigit():
        number = int(word)
        return to_roman(number) if 1 <= number <= 3999 else "invalid"
    number = from_roman(word)
    return "invalid" if number is None else str(number)


for line in sys.stdin:
    print(convert(line.strip()))

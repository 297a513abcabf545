"""Looks symbols up without asking whether they are symbols."""

import sys

VALUES = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]
DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def to_roman(number):
    out = ""
    for value, symbol in VALUES:
        out += symbol * (number // value)
        number %= value
    return out


for line in sys.stdin:
    word = line.strip()
    if word.isdigit():
        print(to_roman(int(word)) if 1 <= int(word) <= 3999 else "invalid")
    else:
        values = [DIGITS[char] for char in word] + [0]
        number = sum(-a if a < b else a for a, b in zip(values, values[1:]))
        print(number if 1 <= number <= 3999 and to_roman(number) == word else "invalid")

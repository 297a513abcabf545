"""Adds up the symbols and takes every word of Roman letters."""

import sys

VALUES = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]
DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

for line in sys.stdin:
    word = line.strip()
    if word.isdigit():
        number, out = int(word), ""
        if not 1 <= number <= 3999:
            print("invalid")
            continue
        for value, symbol in VALUES:
            out += symbol * (number // value)
            number %= value
        print(out)
    elif any(char not in DIGITS for char in word):
        print("invalid")
    else:
        values = [DIGITS[char] for char in word] + [0]
        print(sum(-a if a < b else a for a, b in zip(values, values[1:])))

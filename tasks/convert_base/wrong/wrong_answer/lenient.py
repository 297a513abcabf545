"""Lets `int` read the number, which takes more than it should."""

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def convert_base(digits, source, target):
    if not (2 <= source <= 36 and 2 <= target <= 36):
        raise ValueError("a base is from 2 to 36")
    number = int(digits, source)
    sign = "-" if number < 0 else ""
    number = abs(number)
    out = ""
    while number:
        number, value = divmod(number, target)
        out = DIGITS[value] + out
    return sign + (out or "0")

"""Reads the number digit by digit, and writes it digit by digit."""

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def convert_base(digits, source, target):
    if not (2 <= source <= 36 and 2 <= target <= 36):
        raise ValueError("a base is from 2 to 36")
    negative = digits.startswith("-")
    body = digits[1:] if negative else digits
    values = {char: value for value, char in enumerate(DIGITS[:source])}
    if not body or any(char not in values for char in body):
        raise ValueError(f"not a number in base {source}")
    number = 0
    for char in body:
        number = number * source + values[char]
    out = []
    while number:
        number, value = divmod(number, target)
        out.append(DIGITS[value])
    text = "".join(reversed(out)) or "0"
    return "-" + text if negative and text != "0" else text

"""Reads number and unit by turns and checks that the units become smaller."""

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
DIGITS = "0123456789"


def parse_duration(text):
    total, digits, last = 0, "", None
    for char in text:
        if char in DIGITS:
            digits += char
            continue
        unit = UNITS.get(char)
        if unit is None or not digits or (last is not None and unit >= last):
            raise ValueError(f"not a duration: {text!r}")
        total += int(digits) * unit
        digits, last = "", unit
    if digits or last is None:
        raise ValueError(f"not a duration: {text!r}")
    return total

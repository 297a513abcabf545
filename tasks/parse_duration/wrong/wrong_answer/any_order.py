"""Finds the parts wherever they stand and overlooks what is between them."""

import re

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_duration(text):
    parts = re.findall(r"([0-9]+)([dhms])", text)
    if not parts:
        raise ValueError(text)
    return sum(int(number) * UNITS[unit] for number, unit in parts)

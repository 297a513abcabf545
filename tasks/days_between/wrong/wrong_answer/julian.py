"""Takes every fourth year for a leap year."""

import sys

LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def day_number(text):
    year, month, day = map(int, text.split("-"))
    leap = year % 4 == 0
    if not 1 <= month <= 12 or not 1 <= day <= LENGTHS[month - 1] + (leap and month == 2):
        return None
    return 365 * year + (year - 1) // 4 + sum(LENGTHS[: month - 1]) + (leap and month > 2) + day


for line in sys.stdin:
    first, second = map(day_number, line.split())
    print("invalid" if first is None or second is None else second - first)

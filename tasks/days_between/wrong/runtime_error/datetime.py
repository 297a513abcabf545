"""Uses the library's dates, which end with the year 9999."""

import sys
from datetime import date

for line in sys.stdin:
    parts = [tuple(map(int, text.split("-"))) for text in line.split()]
    days = []
    for year, month, day in parts:
        if year > 9999:
            raise OverflowError("the year is too large")
        try:
            days.append(date(year, month, day).toordinal())
        except ValueError:
            pass
    print(days[1] - days[0] if len(days) == 2 else "invalid")

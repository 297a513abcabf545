"""Uses the formula with the golden ratio, whose digits do not suffice."""

import math
import sys

for line in sys.stdin:
    n, modulus = map(int, line.split())
    if n > 1000:
        n %= 1000
    root = math.sqrt(5)
    print(round(((1 + root) / 2) ** n / root) % modulus)

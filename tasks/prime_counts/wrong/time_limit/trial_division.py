"""Divides every number by every smaller one, for each question anew."""

import sys

_, *questions = map(int, sys.stdin.read().split())
for n in questions:
    print(sum(all(number % divisor for divisor in range(2, int(number**0.5) + 1)) for number in range(2, n + 1)))

"""Lets equal numbers follow each other."""

import sys
from bisect import bisect_right

_, *numbers = map(int, sys.stdin.read().split())
ends = []
for number in numbers:
    place = bisect_right(ends, number)
    ends[place : place + 1] = [number]
print(len(ends))

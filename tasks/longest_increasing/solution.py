"""For each length keeps the smallest number that a subsequence of that length can end with."""

import sys
from bisect import bisect_left

_, *numbers = map(int, sys.stdin.read().split())
ends = []
for number in numbers:
    place = bisect_left(ends, number)
    if place == len(ends):
        ends.append(number)
    else:
        ends[place] = number
print(len(ends))

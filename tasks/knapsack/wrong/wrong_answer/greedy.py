"""Takes the items with the most value for their weight first."""

import sys

numbers = list(map(int, sys.stdin.read().split()))
count, room = numbers[:2]
items = sorted(zip(numbers[2::2], numbers[3::2]), key=lambda item: -item[1] / item[0])
total = 0
for weight, value in items:
    if weight <= room:
        room -= weight
        total += value
print(total)

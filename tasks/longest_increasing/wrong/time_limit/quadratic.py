"""Looks back at every earlier number."""

import sys

_, *numbers = map(int, sys.stdin.read().split())
best = []
for index, number in enumerate(numbers):
    best.append(1 + max((best[earlier] for earlier in range(index) if numbers[earlier] < number), default=0))
print(max(best, default=0))

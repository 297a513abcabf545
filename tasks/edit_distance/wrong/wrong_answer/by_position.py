"""Compares position by position, which one insertion at the front spoils."""

import sys

lines = sys.stdin.buffer.read().decode("utf-8").split("\n") + [""]
first, second = lines[:2]
print(sum(a != b for a, b in zip(first, second)) + abs(len(first) - len(second)))

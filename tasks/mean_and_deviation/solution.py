"""Sums exactly, and only then subtracts."""

import math
import sys

count, *numbers = sys.stdin.read().split()
values = sorted(map(float, numbers))
if not values:
    print("nan nan nan")
else:
    size = len(values)
    mean = math.fsum(values) / size
    median = (values[(size - 1) // 2] + values[size // 2]) / 2
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / size)
    print(mean, median, deviation)

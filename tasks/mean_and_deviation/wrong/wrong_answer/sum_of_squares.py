"""Mean of the squares minus the square of the mean: for large numbers nothing is left of it."""

import math
import sys

count, *numbers = sys.stdin.read().split()
values = sorted(map(float, numbers))
if not values:
    print("nan nan nan")
else:
    size = len(values)
    mean = sum(values) / size
    median = (values[(size - 1) // 2] + values[size // 2]) / 2
    variance = sum(value * value for value in values) / size - mean * mean
    print(mean, median, math.sqrt(max(variance, 0)))

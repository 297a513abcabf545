"""Does not think of no numbers at all."""

import math
import sys

count, *numbers = sys.stdin.read().split()
values = sorted(map(float, numbers))
size = len(values)
mean = math.fsum(values) / size
median = (values[(size - 1) // 2] + values[size // 2]) / 2
print(mean, median, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / size))

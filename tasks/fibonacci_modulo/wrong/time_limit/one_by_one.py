"""Adds one number after the other."""

import sys

for line in sys.stdin:
    n, modulus = map(int, line.split())
    current, following = 0, 1 % modulus
    for _ in range(n):
        current, following = following, (current + following) % modulus
    print(current)

"""Doubles the index: F(2k) and F(2k + 1) follow from F(k) and F(k + 1)."""

import sys


def fibonacci(n, modulus):
    current, following = 0, 1
    for bit in bin(n)[2:]:
        double = current * (2 * following - current) % modulus
        after = (current * current + following * following) % modulus
        current, following = (after, (double + after) % modulus) if bit == "1" else (double, after)
    return current % modulus


for line in sys.stdin:
    n, modulus = map(int, line.split())
    print(fibonacci(n, modulus))

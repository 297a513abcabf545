"""Forgets that 2 is a prime."""

import sys
from bisect import bisect_right

_, *questions = map(int, sys.stdin.read().split())
limit = max(questions, default=0)
sieve = bytearray([1]) * (limit + 1)
primes = []
for number in range(3, limit + 1, 2):
    if sieve[number]:
        primes.append(number)
        if number * number <= limit:
            sieve[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
for n in questions:
    print(bisect_right(primes, n))

"""Sieves once and looks every answer up in the sorted primes."""

import sys
from bisect import bisect_right


def primes_up_to(limit):
    sieve = bytearray([1]) * (limit + 1)
    sieve[:2] = b"\0" * len(sieve[:2])
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
    return [number for number in range(limit + 1) if sieve[number]]


def main():
    count, *questions = map(int, sys.stdin.read().split())
    primes = primes_up_to(max(questions, default=0))
    sys.stdout.write("".join(f"{bisect_right(primes, n)}\n" for n in questions[:count]))


main()

"""Adds them as floating-point numbers, which have 53 bits only."""

first, second = map(float, input().split())
print(int(first + second))

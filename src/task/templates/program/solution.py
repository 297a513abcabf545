"""Reads two numbers and prints their sum."""

first, second = map(int, input().split())
print(first + second)

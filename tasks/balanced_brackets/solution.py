"""Keeps the open brackets on a stack."""

import sys

OPENS = {")": "(", "]": "[", "}": "{"}


def check(line: str) -> str:
    stack = []
    for position, char in enumerate(line, start=1):
        if char in "([{":
            stack.append(char)
        elif char in OPENS:
            if not stack or stack.pop() != OPENS[char]:
                return str(position)
    return str(len(line) + 1) if stack else "balanced"


print(check(sys.stdin.readline().rstrip("\n")))

"""Counts each kind on its own, so that crossed pairs look fine."""

import sys

line = sys.stdin.readline().rstrip("\n")
open_now = {"(": 0, "[": 0, "{": 0}
closes = {")": "(", "]": "[", "}": "{"}
answer = None
for position, char in enumerate(line, start=1):
    if char in open_now:
        open_now[char] += 1
    elif char in closes:
        open_now[closes[char]] -= 1
        if open_now[closes[char]] < 0:
            answer = str(position)
            break
if answer is None:
    answer = str(len(line) + 1) if any(open_now.values()) else "balanced"
print(answer)

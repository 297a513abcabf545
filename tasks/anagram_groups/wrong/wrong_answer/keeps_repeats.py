"""Prints a word as often as it was given."""

import sys
from collections import defaultdict

groups = defaultdict(list)
for word in sys.stdin.buffer.read().decode("utf-8").split():
    groups["".join(sorted(word))].append(word)
lines = (" ".join(sorted(group)) + "\n" for group in groups.values())
sys.stdout.buffer.write("".join(lines).encode("utf-8"))

"""Words with the same sorted letters belong together."""

import sys
from collections import defaultdict

groups = defaultdict(set)
for word in sys.stdin.buffer.read().decode("utf-8").split():
    groups["".join(sorted(word))].add(word)
lines = (" ".join(sorted(group)) + "\n" for group in groups.values())
sys.stdout.buffer.write("".join(lines).encode("utf-8"))

"""Looks at the first character, which an empty line does not have."""

import sys

line = sys.stdin.buffer.readline().decode("utf-8").rstrip("\n")
first = line[0]
sys.stdout.buffer.write((line[1:][::-1] + first + "\n").encode("utf-8"))

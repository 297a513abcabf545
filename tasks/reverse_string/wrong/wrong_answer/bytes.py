"""Reverses the bytes instead of the characters: right for ASCII only."""

import sys

line = sys.stdin.buffer.readline().rstrip(b"\n")
sys.stdout.buffer.write(line[::-1] + b"\n")

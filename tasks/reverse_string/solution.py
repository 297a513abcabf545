"""Reads one line and prints it reversed."""

import sys


def reverse_string(text: str) -> str:
    return text[::-1]


def main() -> None:
    line = sys.stdin.buffer.readline().decode("utf-8")
    if line.endswith("\n"):
        line = line[:-1]
    sys.stdout.buffer.write((reverse_string(line) + "\n").encode("utf-8"))


if __name__ == "__main__":
    main()

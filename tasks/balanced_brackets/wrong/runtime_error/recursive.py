"""Descends one Python call per open bracket, which deep nesting exhausts."""

import sys

CLOSES = {"(": ")", "[": "]", "{": "}"}
LINE = sys.stdin.readline().rstrip("\n")


class Found(Exception):
    pass


def descend(index, wanted):
    while index < len(LINE):
        char = LINE[index]
        if char in CLOSES:
            index = descend(index + 1, CLOSES[char])
        elif char in ")]}":
            if char != wanted:
                raise Found(index + 1)
            return index + 1
        else:
            index += 1
    if wanted:
        raise Found(len(LINE) + 1)
    return index


try:
    descend(0, "")
    print("balanced")
except Found as found:
    print(found.args[0])

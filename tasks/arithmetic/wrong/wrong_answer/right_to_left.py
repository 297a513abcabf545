"""Recursion on the right-hand side, which turns `8 - 4 - 2` into `8 - (4 - 2)`."""

import re
import sys

sys.setrecursionlimit(3000)


def evaluate(line):
    if re.search(r"[0-9] +[0-9]", line) or re.search(r"[^0-9+*/%() -]", line):
        return "error"
    tokens = re.findall(r"[0-9]+|[^ ]", line)
    place = 0
    zero = False

    def factor():
        nonlocal place
        token = tokens[place]
        place += 1
        if token == "-":
            return -factor()
        if token == "(":
            value = expression()
            if tokens[place] != ")":
                raise IndexError
            place += 1
            return value
        if not token[0].isdigit():
            raise IndexError
        return int(token)

    def term():
        nonlocal place, zero
        value = factor()
        while place < len(tokens) and tokens[place] in "*/%":
            operator = tokens[place]
            place += 1
            right = factor()
            if operator == "*":
                value *= right
            elif right == 0:
                zero, value = True, 1
            else:
                value = value // right if operator == "/" else value % right
        return value

    def expression():
        nonlocal place
        value = term()
        if place < len(tokens) and tokens[place] in "+-":
            operator = tokens[place]
            place += 1
            right = expression()
            value = value + right if operator == "+" else value - right
        return value

    try:
        value = expression()
    except IndexError:
        return "error"
    if place != len(tokens):
        return "error"
    return "division by zero" if zero else str(value)


for line in sys.stdin:
    try:
        print(evaluate(line.rstrip("\n")))
    except RecursionError:
        print("error")

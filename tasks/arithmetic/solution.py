"""Two stacks, one of values and one of operators, so that no nesting is too deep."""

import sys

BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "neg": 3}


def tokens(line):
    number = ""
    for char in line + " ":
        if "0" <= char <= "9":
            number += char
            continue
        if number:
            yield int(number)
            number = ""
        if char != " ":
            yield char


def apply(operator, values):
    right = values.pop()
    if operator == "neg":
        values.append(None if right is None else -right)
        return
    left = values.pop()
    if left is None or right is None or (operator in "/%" and right == 0):
        # There is no value, but the rest of the line must still follow the grammar.
        values.append(None)
    elif operator == "+":
        values.append(left + right)
    elif operator == "-":
        values.append(left - right)
    elif operator == "*":
        values.append(left * right)
    elif operator == "/":
        values.append(left // right)
    else:
        values.append(left % right)


def evaluate(line):
    values, operators, wants_value = [], [], True
    for token in tokens(line):
        if wants_value:
            if isinstance(token, int):
                values.append(token)
                wants_value = False
            elif token == "-":
                operators.append("neg")
            elif token == "(":
                operators.append("(")
            else:
                return "error"
        elif token == ")":
            while operators and operators[-1] != "(":
                apply(operators.pop(), values)
            if not operators:
                return "error"
            operators.pop()
        elif isinstance(token, str) and token in BINDING:
            while operators and operators[-1] != "(" and BINDING[operators[-1]] >= BINDING[token]:
                apply(operators.pop(), values)
            operators.append(token)
            wants_value = True
        else:
            return "error"
    if wants_value or "(" in operators:
        return "error"
    while operators:
        apply(operators.pop(), values)
    return "division by zero" if values[0] is None else str(values[0])


for line in sys.stdin:
    print(evaluate(line.rstrip("\n")))

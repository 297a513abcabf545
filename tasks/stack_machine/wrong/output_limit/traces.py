"""Tells every step on standard error, which counts as output too."""

import sys

LIMIT = 200_000
MODULUS = 1 << 64
NEEDS = {"pop": 1, "dup": 1, "jzero": 1, "print": 1, "swap": 2, "over": 2, "add": 2, "sub": 2, "mul": 2, "div": 2}


def run(program, out):
    stack, place, executed = [], 0, 0
    while place != len(program):
        if not 0 <= place < len(program):
            return "error"
        if executed == LIMIT:
            return "timeout"
        executed += 1
        print(executed, program[place], file=sys.stderr)
        name, number = program[place]
        place += 1
        if len(stack) < NEEDS.get(name, 0):
            return "error"
        if name == "push":
            stack.append(number)
        elif name == "pop":
            stack.pop()
        elif name == "dup":
            stack.append(stack[-1])
        elif name == "swap":
            stack[-1], stack[-2] = stack[-2], stack[-1]
        elif name == "over":
            stack.append(stack[-2])
        elif name == "print":
            out.append(str(stack.pop()))
        elif name == "jump":
            place = number
        elif name == "jzero":
            place = number if stack.pop() == 0 else place
        else:
            right, left = stack.pop(), stack.pop()
            if name == "add":
                stack.append((left + right) % MODULUS)
            elif name == "sub":
                stack.append((left - right) % MODULUS)
            elif name == "mul":
                stack.append(left * right % MODULUS)
            elif right == 0:
                return "error"
            else:
                stack.append(left // right)
    return "halt"


program = []
for line in sys.stdin:
    name, *number = line.split()
    program.append((name, int(number[0]) if number else None))
out = []
out.append(run(program, out))
print("\n".join(out))

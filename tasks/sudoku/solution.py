"""Fills the cell with the fewest possible digits first, and goes back where none is left."""

import sys

text = sys.stdin.read().split()
cells = [0 if char == "." else int(char) for line in text for char in line]
rows, columns, boxes = [0] * 9, [0] * 9, [0] * 9


def box(row, column):
    return row // 3 * 3 + column // 3


for index, digit in enumerate(cells):
    if digit:
        row, column = divmod(index, 9)
        for sets, place in ((rows, row), (columns, column), (boxes, box(row, column))):
            sets[place] |= 1 << digit


def candidates(index):
    row, column = divmod(index, 9)
    return 0b1111111110 & ~(rows[row] | columns[column] | boxes[box(row, column)])


def fill():
    empty = [index for index in range(81) if not cells[index]]
    if not empty:
        return True
    index = min(empty, key=lambda index: bin(candidates(index)).count("1"))
    row, column = divmod(index, 9)
    possible = candidates(index)
    for digit in range(1, 10):
        bit = 1 << digit
        if possible & bit:
            cells[index] = digit
            for sets, place in ((rows, row), (columns, column), (boxes, box(row, column))):
                sets[place] |= bit
            if fill():
                return True
            cells[index] = 0
            for sets, place in ((rows, row), (columns, column), (boxes, box(row, column))):
                sets[place] &= ~bit
    return False


fill()
for row in range(9):
    print(*cells[9 * row : 9 * row + 9], sep="")

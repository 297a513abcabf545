"""Fills in what is certain and gives up where nothing is."""

import sys

cells = [0 if char == "." else int(char) for line in sys.stdin.read().split() for char in line]
progress = True
while progress:
    progress = False
    for index in range(81):
        if not cells[index]:
            row, column = divmod(index, 9)
            seen = {
                cells[other]
                for other in range(81)
                if other // 9 == row
                or other % 9 == column
                or (other // 27 == row // 3 and other % 9 // 3 == column // 3)
            }
            left = set(range(1, 10)) - seen
            if len(left) == 1:
                cells[index] = left.pop()
                progress = True
for row in range(9):
    print(*(cell or 1 for cell in cells[9 * row : 9 * row + 9]), sep="")

"""Goes back to the last star only: an earlier one can match no more than that."""


def glob_match(pattern, text):
    place = index = 0
    star = resume = None
    while index < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, resume = place, index
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[index]):
            place += 1
            index += 1
        elif star is not None:
            resume += 1
            place, index = star + 1, resume
        else:
            return False
    return all(char == "*" for char in pattern[place:])

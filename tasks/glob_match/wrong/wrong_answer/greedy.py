"""Lets a star end at the first character that fits, and never thinks again."""


def glob_match(pattern, text):
    place = index = 0
    while place < len(pattern):
        if pattern[place] == "*":
            while place < len(pattern) and pattern[place] == "*":
                place += 1
            if place == len(pattern):
                return True
            while index < len(text) and pattern[place] not in ("?", text[index]):
                index += 1
            if index == len(text):
                return False
        elif index < len(text) and pattern[place] in ("?", text[index]):
            place += 1
            index += 1
        else:
            return False
    return index == len(text)

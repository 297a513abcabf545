"""Tries every length for every star."""


def glob_match(pattern, text):
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob_match(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and glob_match(pattern[1:], text[1:])

"""Collects the words of a line, then spreads the blanks."""


def spread(words, width):
    gaps = len(words) - 1
    if gaps == 0:
        return words[0]
    every, extra = divmod(width - sum(map(len, words)), gaps)
    out = [words[0]]
    for index, word in enumerate(words[1:]):
        out.append(" " * (every + (index < extra)) + word)
    return "".join(out)


def justify_text(text, width):
    words = text.split()
    if width < 1 or any(len(word) > width for word in words):
        raise ValueError("a word does not fit")
    lines, line, length = [], [], -1
    for word in words:
        if length + 1 + len(word) > width:
            lines.append(spread(line, width))
            line, length = [], -1
        line.append(word)
        length += 1 + len(word)
    return lines + [" ".join(line)] if line else lines

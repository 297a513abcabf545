"""Does not look whether the range is one."""


def clamp(value, low, high):
    return max(low, min(value, high))

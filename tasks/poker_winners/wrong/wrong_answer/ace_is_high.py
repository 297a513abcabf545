"""Knows the ace as the highest card only."""

from collections import Counter

RANKS = {rank: value for value, rank in enumerate("23456789TJQKA", start=2)}


def strength(hand):
    cards = hand.split()
    values = sorted((RANKS[card[0]] for card in cards), reverse=True)
    groups = sorted(Counter(values).items(), key=lambda pair: (-pair[1], -pair[0]))
    shape = [count for _, count in groups]
    flush = len({card[1] for card in cards}) == 1
    straight = shape == [1] * 5 and values[0] - values[4] == 4
    shapes = [[1] * 5, [2, 1, 1, 1], [2, 2, 1], [3, 1, 1], None, None, [3, 2], [4, 1]]
    category = 8 if straight and flush else shapes.index(shape)
    if flush:
        category = max(category, 5)
    elif straight:
        category = 4
    return category, [value for value, _ in groups]


def poker_winners(hands):
    strengths = [strength(hand) for hand in hands]
    best = max(strengths)
    return [index for index, value in enumerate(strengths) if value == best]

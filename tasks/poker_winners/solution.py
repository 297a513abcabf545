"""Turns each hand into a tuple that compares as hands do."""

from collections import Counter

RANKS = {rank: value for value, rank in enumerate("23456789TJQKA", start=2)}


def strength(hand):
    cards = hand.split()
    values = sorted((RANKS[card[0]] for card in cards), reverse=True)
    if values == [14, 5, 4, 3, 2]:
        values = [5, 4, 3, 2, 1]
    groups = sorted(Counter(values).items(), key=lambda pair: (-pair[1], -pair[0]))
    shape = [count for _, count in groups]
    ordered = [value for value, _ in groups]
    flush = len({card[1] for card in cards}) == 1
    straight = shape == [1] * 5 and values[0] - values[4] == 4
    if straight and flush:
        category = 8
    elif shape == [4, 1]:
        category = 7
    elif shape == [3, 2]:
        category = 6
    elif flush:
        category = 5
    elif straight:
        category = 4
    elif shape == [3, 1, 1]:
        category = 3
    elif shape == [2, 2, 1]:
        category = 2
    elif shape == [2, 1, 1, 1]:
        category = 1
    else:
        category = 0
    return category, ordered


def poker_winners(hands):
    strengths = [strength(hand) for hand in hands]
    best = max(strengths)
    return [index for index, value in enumerate(strengths) if value == best]

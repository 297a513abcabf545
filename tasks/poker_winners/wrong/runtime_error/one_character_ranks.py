"""Takes the rank for a number."""


def poker_winners(hands):
    best = [max(int(card[:-1]) for card in hand.split()) for hand in hands]
    return [index for index, value in enumerate(best) if value == max(best)]

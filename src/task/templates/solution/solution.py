"""Prints the module that is asked for."""

MODULE = '''\
def count_vowels(text):
    return sum(letter in "aeiou" for letter in text.lower())
'''

print(MODULE, end="")

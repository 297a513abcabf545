"""Its module does not know upper case."""

MODULE = '''\
def count_vowels(text):
    return sum(letter in "aeiou" for letter in text)
'''

print(MODULE, end="")

"""The gate lets this program in and refuses what it prints."""

MODULE = '''\
import ctypes

def count_vowels(text):
    return 0
'''

print(MODULE, end="")

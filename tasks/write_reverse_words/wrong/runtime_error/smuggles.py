"""Writes a module that the gate refuses, although the agent itself is harmless."""

print("import ctypes")
print("def reverse_words(text):")
print("    return ' '.join(reversed(text.split()))")

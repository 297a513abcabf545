"""Writes a function of another name."""

print("def reverse(text):")
print("    return ' '.join(reversed(text.split()))")

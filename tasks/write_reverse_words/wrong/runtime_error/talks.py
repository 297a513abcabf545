"""Puts the source into a conversation, which is not Python."""

print("Sure! Here is the function you asked for:")
print("def reverse_words(text):")
print("    return ' '.join(reversed(text.split()))")

"""What users and other programs read and write: the resource, the facts of a token, placeholders, times."""

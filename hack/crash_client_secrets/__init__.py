"""Kills the operator at every step of replacing client secrets, and between them, and looks at what is left."""

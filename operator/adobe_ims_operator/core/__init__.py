"""Decides what to do, from values alone: no I/O, no clock, no chance."""

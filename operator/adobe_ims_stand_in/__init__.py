"""A stand-in for Adobe IMS: a server that answers as IMS does, well or badly, as configured.

For tests, demos, benchmarks, and those who want to try the operator without an Adobe account. It ships beside
the operator and shares no code with it, so that neither can hide the other's mistakes.
"""

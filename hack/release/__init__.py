"""Brings a release into a registry: images and chart, signed, each with what it is made of and how it was made.

The workflow of a tag, `make release` for a registry of one's own and `make release-rehearsal` all run this.
"""

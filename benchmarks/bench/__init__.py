"""What the operator costs, measured beside the bare floor in the same run: `python -m bench`."""

"""The process: wiring, start and stop, health, metrics and logs."""

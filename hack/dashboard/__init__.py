"""Draws the Grafana dashboard of the chart from live data, without Grafana."""

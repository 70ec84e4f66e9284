"""A flag that takes a duration, written as in Kubernetes."""

from datetime import timedelta

import click

from adobe_ims_operator.api.times import parse_duration


class Duration(click.ParamType[timedelta]):
    """A duration such as 90s or 5m."""

    name = "duration"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), parameter, context)

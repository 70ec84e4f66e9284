"""Label selectors as kubectl takes them."""

import re

_KEY, _VALUE = "[A-Za-z0-9./_-]+", "[A-Za-z0-9._-]*"
_IS = rf"\s*(?:==?|!=)\s*{_VALUE}"
_IN = rf"\s+(?:not)?in\s*\(\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*\)"
_REQUIREMENT = rf"\s*(?:!\s*{_KEY}|{_KEY}(?:{_IS}|{_IN})?)\s*"
SELECTOR = re.compile(f"{_REQUIREMENT}(?:,{_REQUIREMENT})*")

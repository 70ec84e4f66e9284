"""Names that this operator goes by in the cluster, and before IMS."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

FIELD_MANAGER = "adobe-ims-operator"


def version() -> str:
    """The version of the installed package; `unknown` where its source runs without one."""
    try:
        return version_of("adobe-ims-operator")
    except PackageNotFoundError:
        return "unknown"

"""The namespaces that may go, in the order of their turns."""

from collections import OrderedDict


class Rings:
    """The namespaces, and those of them that have urgent items."""

    def __init__(self) -> None:
        self.all: OrderedDict[str, None] = OrderedDict()
        self.urgent: OrderedDict[str, None] = OrderedDict()

    def place(self, namespace: str, *, waiting: bool, urgent: bool) -> None:
        """Have a namespace in, at the end, or out; one that is in keeps its turn."""
        for ring, belongs in ((self.all, waiting), (self.urgent, urgent)):
            if belongs:
                ring.setdefault(namespace)
            else:
                ring.pop(namespace, None)

    def move_to_end(self, namespace: str) -> None:
        """A namespace had its turn."""
        for ring in (self.all, self.urgent):
            if namespace in ring:
                ring.move_to_end(namespace)

"""Names that this operator goes by in the cluster."""

FIELD_MANAGER = "adobe-ims-operator"

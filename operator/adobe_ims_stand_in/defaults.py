"""The defaults of a stand-in; without dependencies, so that --help needs none."""

SAMPLE_CLIENT_ID = "0123456789abcdef0123456789abcdef"
SAMPLE_CLIENT_SECRET = "p8e-sample_of_the_stand_in_not_a_secret"  # noqa: S105 # documented, opens nothing

SAMPLE_ORGANIZATION = "23294"
SAMPLE_CREDENTIAL = "436084"
"""By which the console API knows the sample client, as Adobe's page has such ids."""

# Those in Adobe's guides for Lightroom, Firefly Services, Commerce Optimizer and the client secrets' API.
SCOPES = (
    "openid",
    "AdobeID",
    "read_organizations",
    "session",
    "additional_info",
    "firefly_api",
    "ff_apis",
    "profile",
    "email",
    "commerce.aco.ingestion",
    "additional_info.projectedProductContext",
    "additional_info.roles",
    "adobeio_api",
    "read_client_secret",
    "manage_client_secrets",
)

MANAGEMENT_SCOPES = frozenset({"read_client_secret", "manage_client_secrets"})
"""For clients with a credential that the console API knows, and no others."""

EXPIRES_IN = 86399
"""Seconds, as IMS answers for a token of 24 hours."""

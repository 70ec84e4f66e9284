"""How the stand-in's tests ask its console API."""

import httpx

from adobe_ims_stand_in.defaults import SAMPLE_CLIENT_ID, SAMPLE_CREDENTIAL, SAMPLE_ORGANIZATION
from unit.stand_in.asking import ask

SCOPE = "AdobeID,openid,read_organizations,adobeio_api,read_client_secret,manage_client_secrets"
PATH = f"/console/organizations/{SAMPLE_ORGANIZATION}/credentials/{SAMPLE_CREDENTIAL}/secrets"


def management(client: httpx.Client, **changes: str) -> dict[str, str]:
    """The headers of a client that may manage its client secrets."""
    token = ask(client, **{"scope": SCOPE, **changes}).json()["access_token"]
    return {"Authorization": f"Bearer {token}", "x-api-key": changes.get("client_id", SAMPLE_CLIENT_ID)}

"""Lists subscriptions; each access token costs a new identity token from the request URL of the phase."""

import os
import sys

import requests
from azure.identity import ClientAssertionCredential
from steady import Renewed, use_throughout

ENTRA = os.environ["SOAK_ENTRA_URL"]


def assertion():
    answer = requests.get(
        os.environ["ARM_OIDC_REQUEST_URL"],
        params={"audience": "api://AzureADTokenExchange"},
        headers={"Authorization": f"Bearer {os.environ['ARM_OIDC_REQUEST_TOKEN']}", "Accept": "application/json"},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.json()["value"]


credential = ClientAssertionCredential(
    os.environ["ARM_TENANT_ID"],
    os.environ["ARM_CLIENT_ID"],
    assertion,
    authority=ENTRA,
    disable_instance_discovery=True,
)


def obtain():
    token = credential.get_token("https://management.azure.com/.default")
    return token.token, token.expires_on


access = Renewed(obtain)


def subscriptions():
    headers = {"Authorization": f"Bearer {access.get()}"}
    answer = requests.get(f"{ENTRA}/subscriptions?api-version=2022-12-01", headers=headers, timeout=30)
    answer.raise_for_status()


use_throughout("azure", float(sys.argv[1]), subscriptions, lambda: access.count)

"""Gets access tokens with azure-identity and what the run has been given.

usage: azure_client.py AUTHORITY CA_FILE TENANT CLIENT_ID_FILE TOKEN_FILE

With ARM_OIDC_REQUEST_URL in the environment the assertions are asked for there, before and after TOKEN_FILE has been
replaced; without it they are read from TOKEN_FILE.
"""

import json
import os
import sys
import urllib.request

import requests
from azure.identity import ClientAssertionCredential, WorkloadIdentityCredential
from outcome import report, wait_for_another, wait_until_replaced

SCOPE = "https://management.azure.com/.default"


def main(authority, ca_file, tenant, client_id_file, token_file):
    os.environ["REQUESTS_CA_BUNDLE"] = ca_file
    client_id = read(client_id_file)
    place = {"authority": authority, "disable_instance_discovery": True}
    if "ARM_OIDC_REQUEST_URL" in os.environ:
        credential = ClientAssertionCredential(tenant, client_id, asked_for, **place)
        first = credential.get_token(SCOPE).token
        subscriptions = [subscription(authority, first)]
        wait_until_replaced(token_file)
        # The client asks for another one when this one is over.
        second = wait_for_another(lambda: credential.get_token(SCOPE).token, first)
        subscriptions.append(subscription(authority, second))
    else:
        workload = WorkloadIdentityCredential(
            tenant_id=tenant, client_id=client_id, token_file_path=token_file, **place
        )
        assertion = ClientAssertionCredential(tenant, client_id, lambda: read(token_file), **place)
        subscriptions = [
            subscription(authority, credential.get_token(SCOPE).token) for credential in (workload, assertion)
        ]
    report(subscriptions=subscriptions)


def read(path):
    with open(path) as file:
        return file.read()


def asked_for():
    """An assertion from the address that the run was given for that."""
    headers = {"Authorization": f"Bearer {os.environ['ARM_OIDC_REQUEST_TOKEN']}", "Accept": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(os.environ["ARM_OIDC_REQUEST_URL"], headers=headers)) as answer:
        return json.load(answer)["value"]


def subscription(service, access_token):
    bearer = {"Authorization": f"Bearer {access_token}"}
    answer = requests.get(f"{service}/subscriptions", params={"api-version": "2022-12-01"}, headers=bearer)
    answer.raise_for_status()
    return answer.json()["value"][0]["subscriptionId"]


main(*sys.argv[1:])

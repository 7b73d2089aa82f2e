"""Exchanges the identity token of the run as the HCP SDK does with a credential file.

usage: hcp_client.py SERVICE CA_FILE [TOKEN_FILE]

There is no HCP client for Python; the steps are those of the SDK for Go: the file has the scheme `workload` and exactly
one source of a token, which is trimmed and posted to the provider's exchange. With TOKEN_FILE, once more after the file
has been replaced.
"""

import json
import os
import ssl
import sys
import urllib.request

from outcome import report, wait_until_replaced

SOURCES = {"file", "token", "env", "url", "aws"}


def main(service, ca_file, token_file=None):
    tls = ssl.create_default_context(cafile=ca_file)
    principals = [principal(service, tls)]
    if token_file:
        wait_until_replaced(token_file)
        principals.append(principal(service, tls))
    report(principals=principals)


def principal(service, tls):
    with open(os.environ["HCP_CRED_FILE"]) as file:
        credentials = json.load(file)
    assert credentials["scheme"] == "workload" and "oauth" not in credentials, "the scheme is not workload"
    workload = credentials["workload"]
    assert SOURCES & set(workload) == {"file"}, "the file is not the only source"
    with open(workload["file"]["path"]) as file:
        body = json.dumps({"jwt_token": file.read().strip()}).encode()
    address = f"{service}/2019-12-10/{workload['provider_resource_name']}/exchange-token"
    answer = ask(address, tls, {"Content-Type": "application/json"}, body)
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    return ask(f"{service}/iam/2019-12-10/caller-identity", tls, bearer)["principal"]["id"]


def ask(address, tls, headers, body=None):
    with urllib.request.urlopen(urllib.request.Request(address, body, headers), context=tls) as answer:
        return json.load(answer)


main(*sys.argv[1:])

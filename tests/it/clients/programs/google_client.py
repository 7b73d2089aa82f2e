"""Gets access tokens with google-auth and what the run has been given.

usage: google_client.py SERVICE CA_FILE [TOKEN_FILE]

GOOGLE_APPLICATION_CREDENTIALS names Google's own addresses; SERVICE takes their place. With TOKEN_FILE, a second access
token is fetched after the file has been replaced.
"""

import json
import os
import sys
from urllib.parse import urlsplit

import google.auth
import requests
from google.auth.transport.requests import Request
from outcome import report, wait_until_replaced

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def main(service, ca_file, token_file=None):
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = pointed_at(service)
    session = requests.Session()
    session.verify = ca_file
    request = Request(session)
    credentials, project = google.auth.default(scopes=[SCOPE], request=request)
    emails = [email(credentials, request, session, service)]
    if token_file:
        wait_until_replaced(token_file)
        emails.append(email(credentials, request, session, service))
    report(project=project, emails=emails)


def pointed_at(service):
    """A copy of the credentials for a service in another place."""
    with open(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]) as file:
        configuration = json.load(file)
    for name in ("token_url", "service_account_impersonation_url"):
        if name in configuration:
            address = urlsplit(configuration[name])
            assert address.scheme == "https" and address.hostname.endswith(".googleapis.com"), configuration[name]
            configuration[name] = service + address.path
    copy = os.path.join(os.environ["HOME"], "google-credentials-of-the-test.json")
    with open(copy, "w") as file:
        json.dump(configuration, file)
    return copy


def email(credentials, request, session, service):
    credentials.refresh(request)
    answer = session.get(f"{service}/tokeninfo", params={"access_token": credentials.token})
    answer.raise_for_status()
    return answer.json()["email"]


main(*sys.argv[1:])

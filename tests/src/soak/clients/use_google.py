"""Asks who it is; each access token costs an exchange of the identity token that lies in the file then."""

import datetime
import json
import os
import sys

import requests
from google.auth import identity_pool
from google.auth.transport.requests import Request
from steady import Renewed, use_throughout

GOOGLE = os.environ["SOAK_GOOGLE_URL"]

with open(os.environ["GOOGLE_APPLICATION_CREDENTIALS"], encoding="utf-8") as file:
    text = file.read()
for service in ("sts", "iamcredentials"):
    text = text.replace(f"https://{service}.googleapis.com/", f"{GOOGLE}/")
credentials = identity_pool.Credentials.from_info(
    json.loads(text), scopes=["https://www.googleapis.com/auth/cloud-platform"]
)


def obtain():
    credentials.refresh(Request())
    return credentials.token, credentials.expiry.replace(tzinfo=datetime.timezone.utc).timestamp()


access = Renewed(obtain)


def describe():
    answer = requests.get(f"{GOOGLE}/tokeninfo", params={"access_token": access.get()}, timeout=30)
    # The address holds the access token: it stays out of the error.
    assert answer.ok, f"tokeninfo answered {answer.status_code}: {answer.text}"


use_throughout("gcp", float(sys.argv[1]), describe, lambda: access.count)

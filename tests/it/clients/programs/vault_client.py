"""Reads a secret with hvac and the VAULT_ variables of the run.

usage: vault_client.py MOUNT PATH

Tells the accessor and the hash of the secret's password.
"""

import hashlib
import sys

import hvac
from outcome import report


def main(mount, path):
    client = hvac.Client()
    token = client.auth.token.lookup_self()["data"]
    secret = client.secrets.kv.v2.read_secret_version(mount_point=mount, path=path, raise_on_deleted_version=True)
    password = secret["data"]["data"]["password"]
    report(
        authenticated=client.is_authenticated(),
        accessor=token["accessor"],
        policies=token["policies"],
        password_hash=hashlib.sha256(password.encode()).hexdigest(),
    )


main(*sys.argv[1:])

"""Reads a secret with the Vault token of the phase."""

import os
import sys

import hvac
from steady import use_throughout

client = hvac.Client(
    url=os.environ["VAULT_ADDR"], token=os.environ["VAULT_TOKEN"], verify=os.environ["VAULT_CACERT"]
)


def read():
    answer = client.secrets.kv.v2.read_secret_version(path="app", raise_on_deleted_version=True)
    assert answer["data"]["data"] == {"content": "soaked"}, "the secret is another"


use_throughout("vault", float(sys.argv[1]), read)

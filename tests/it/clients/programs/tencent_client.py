"""Assumes a role with Tencent Cloud's SDK and what the run has been given.

usage: tencent_client.py ENDPOINT CA_FILE PROVIDER ROLE_ARN TOKEN_FILE

ENDPOINT is a host and a port. The SDK trusts only the authorities that certifi names: CA_FILE takes their place.
"""

import sys

import certifi

ENDPOINT, CA_FILE, PROVIDER, ROLE_ARN, TOKEN_FILE = sys.argv[1:]
certifi.where = lambda: CA_FILE

from outcome import report  # noqa: E402
from tencentcloud.common import credential  # noqa: E402
from tencentcloud.common.profile.client_profile import ClientProfile  # noqa: E402
from tencentcloud.common.profile.http_profile import HttpProfile  # noqa: E402
from tencentcloud.sts.v20180813 import models, sts_client  # noqa: E402

with open(TOKEN_FILE) as file:
    role = credential.OIDCRoleArnCredential(
        "ap-guangzhou", PROVIDER, file.read(), ROLE_ARN, "carnet-test", endpoint=ENDPOINT
    )
profile = ClientProfile(httpProfile=HttpProfile(endpoint=ENDPOINT))
caller = sts_client.StsClient(role, "ap-guangzhou", profile).GetCallerIdentity(models.GetCallerIdentityRequest())
report(arn=caller.Arn, type=caller.Type)

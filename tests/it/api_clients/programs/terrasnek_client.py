"""Drives every resource of the API that terrasnek knows, unmodified.

usage: terrasnek_client.py, with TFE_ADDRESS, TFE_TOKEN and REQUESTS_CA_BUNDLE in the environment
"""

import os
from types import SimpleNamespace

import terrasnek_organizations
import terrasnek_registry
import terrasnek_runs
import terrasnek_workspaces
from checks import run_all
from terrasnek.api import TFC

ORGANIZATION = "widgets"
AREAS = [terrasnek_organizations, terrasnek_workspaces, terrasnek_runs, terrasnek_registry]


def world():
    def client(token):
        # The check of the version would ask the package index.
        return TFC(token, url=os.environ["TFE_ADDRESS"], skip_version_check=True)

    return SimpleNamespace(tfc=client(os.environ["TFE_TOKEN"]), client=client, organization=ORGANIZATION)


def main():
    the_world = world()
    for area in AREAS:
        run_all(area.RESOURCES, the_world)


if __name__ == "__main__":
    main()

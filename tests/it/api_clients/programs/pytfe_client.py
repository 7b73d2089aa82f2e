"""Drives every resource of the API with pytfe, unmodified.

usage: pytfe_client.py, with TFE_ADDRESS, TFE_TOKEN and SSL_CERT_FILE in the environment
"""

from types import SimpleNamespace

import pytfe_organizations
import pytfe_registry
import pytfe_runs
import pytfe_settings
import pytfe_states
import pytfe_teams
import pytfe_workspaces
from checks import run_all
from pytfe import TFEClient

ORGANIZATION = "widgets"
AREAS = [
    pytfe_organizations,
    pytfe_workspaces,
    pytfe_settings,
    pytfe_states,
    pytfe_runs,
    pytfe_teams,
    pytfe_registry,
]


def main():
    with TFEClient() as tfe:
        world = SimpleNamespace(tfe=tfe, organization=ORGANIZATION)
        for area in AREAS:
            run_all(area.RESOURCES, world)


if __name__ == "__main__":
    main()

"""The private registry, and what this server does not have."""

import tempfile
from pathlib import Path

from checks import has, refused, same
from documents import document, ids
from terrasnek.exceptions import TFCHTTPBadRequest, TFCHTTPNotFound, TFCHTTPUnprocessableEntity
from terrasnek_runs import archive

MISSING = "x" * 16
KEY = Path(__file__).with_name("signing_key.asc").read_text()


def registry_modules(world):
    service = world.tfc.registry_modules
    body = document("registry-modules", name="net", provider="aws", **{"registry-name": "private"})
    made = service.create(body)["data"]
    has(made["attributes"], name="net", provider="aws", namespace=world.organization, status="pending")
    version = service.create_version("net", "aws", document("registry-module-versions", version="1.2.3"))["data"]
    with tempfile.TemporaryDirectory() as folder:
        archive(f"{folder}/module.tar.gz")
        service.upload_version(f"{folder}/module.tar.gz", version["links"]["upload"])
    has(service.show("net", "aws")["data"]["attributes"], status="setup_complete")
    same(ids(service.list()), [made["id"]])
    same(ids(service.list_all()), [made["id"]])
    # The protocol by which Terraform itself finds modules.
    versions = service.list_versions("net", "aws")["modules"][0]["versions"]
    same([one["version"] for one in versions], ["1.2.3"])
    has(service.get("net", "aws", "1.2.3"), name="net", version="1.2.3", provider="aws")
    has(service.list_latest_version_specific_provider("net", "aws"), name="net", version="1.2.3")
    # The protocol's search, and its list of the providers of one name, are of the public registry: they are not here.
    refused(TFCHTTPNotFound, lambda: service.list_latest_version_all_providers("net"))
    # The client's own downloads want a whole address; the protocol, and Terraform, take a path of the server, too.
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(body), "taken")
    # The module goes with its last version.
    service.destroy("net", provider="aws", version="1.2.3")
    refused(TFCHTTPNotFound, lambda: service.show("net", "aws"))
    service.create(body)
    service.destroy("net", provider="aws")
    refused(TFCHTTPNotFound, lambda: service.show("net", "aws"))


def registry_providers(world):
    service = world.tfc.registry_providers
    body = document("registry-providers", name="cloud", namespace=world.organization, **{"registry-name": "private"})
    made = service.create(body)["data"]
    has(made["attributes"], name="cloud", namespace=world.organization, registry_name="private")
    same(ids(service.list()), [made["id"]])
    same(ids(service.list_all()), [made["id"]])
    same(service.show("private", world.organization, "cloud")["data"]["id"], made["id"])
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(body))
    service.destroy("private", world.organization, "cloud")
    refused(TFCHTTPNotFound, lambda: service.show("private", world.organization, "cloud"))


def gpg_keys(world):
    service = world.tfc.gpg_keys
    body = document("gpg-keys", namespace=world.organization, **{"ascii-armor": KEY})
    made = service.create(body)["data"]["attributes"]
    has(made, namespace=world.organization, ascii_armor=KEY)
    same([one["attributes"]["key-id"] for one in service.list()["data"]], [made["key-id"]])
    same([one["attributes"]["key-id"] for one in service.list_all()["data"]], [made["key-id"]])
    # The client's own `show` and `update` leave out the namespace, or name the path twice.
    service.destroy(made["key-id"])
    same(service.list()["data"], [])


def ip_ranges(world):
    found = world.tfc.ip_ranges.list()
    same(sorted(found), ["api", "notifications", "sentinel", "vcs"])


def absent_run_tasks(world):
    same(world.tfc.run_tasks.list()["data"], [])
    same(world.tfc.run_tasks.list_all()["data"], [])
    same(world.tfc.run_tasks.list_tasks_on_workspace(world.executed)["data"], [])
    refused(TFCHTTPNotFound, lambda: world.tfc.run_tasks.show(f"task-{MISSING}"))


def absent_policies(world):
    same(world.tfc.policies.list_all()["data"], [])
    same(world.tfc.policy_sets.list_all()["data"], [])
    same(world.tfc.policy_checks.list(world.run)["data"], [])
    refused(TFCHTTPNotFound, lambda: world.tfc.policies.show(f"pol-{MISSING}"))
    refused(TFCHTTPNotFound, lambda: world.tfc.policy_sets.show(f"polset-{MISSING}"))
    refused(TFCHTTPNotFound, lambda: world.tfc.cost_estimates.show(f"ce-{MISSING}"))


def absent_version_control(world):
    same(world.tfc.oauth_clients.list()["data"], [])
    same(world.tfc.github_apps.list()["data"], [])
    refused(TFCHTTPNotFound, lambda: world.tfc.oauth_clients.show(f"oc-{MISSING}"))
    refused(TFCHTTPNotFound, lambda: world.tfc.oauth_tokens.show(f"ot-{MISSING}"))


def absent_site_administration(world):
    refused(TFCHTTPNotFound, lambda: world.tfc.admin_orgs.show(world.organization))


def site_administration(world):
    [me] = world.tfc.admin_users.list()["data"]
    same(me["attributes"]["is-suspended"], False)
    refused(TFCHTTPBadRequest, lambda: world.tfc.admin_users.suspend(me["id"]))
    refused(TFCHTTPBadRequest, lambda: world.tfc.admin_users.unsuspend(me["id"]))
    refused(TFCHTTPNotFound, lambda: world.tfc.admin_users.suspend(f"user-{MISSING}"))


RESOURCES = [
    registry_modules,
    registry_providers,
    gpg_keys,
    ip_ranges,
    absent_run_tasks,
    absent_policies,
    absent_version_control,
    absent_site_administration,
    site_administration,
]

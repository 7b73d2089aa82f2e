"""The private registry, and what this server does not have."""

import hashlib
import io
import tarfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from checks import holds, refused, same
from pytfe.errors import NotFound, TFEError
from pytfe.models import (
    RegistryModuleCreateOptions,
    RegistryModuleCreateVersionOptions,
    RegistryModuleID,
    RegistryModuleListOptions,
    RegistryModuleUpdateOptions,
    RegistryProviderCreateOptions,
    RegistryProviderID,
    RegistryProviderListOptions,
    RegistryProviderPlatformCreateOptions,
    RegistryProviderPlatformID,
    RegistryProviderVersionCreateOptions,
    RegistryProviderVersionID,
)
from pytfe.models.registry_module import RegistryName as ModuleRegistry
from pytfe.models.registry_provider import RegistryName

MISSING = "x" * 16


def module_archive():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        text = b'output "one" { value = 1 }\n'
        entry = tarfile.TarInfo("main.tf")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return io.BytesIO(buffer.getvalue())


def registry_modules(world):
    service = world.tfe.registry_modules
    options = RegistryModuleCreateOptions(name="net", provider="aws", registry_name=ModuleRegistry.PRIVATE)
    made = service.create(world.organization, options)
    holds(made, name="net", provider="aws", namespace=world.organization, registry_name="private", status="pending")
    id = RegistryModuleID(
        organization=world.organization,
        name="net",
        provider="aws",
        namespace=world.organization,
        registry_name=ModuleRegistry.PRIVATE,
    )
    version = service.create_version(id, RegistryModuleCreateVersionOptions(version="1.2.3"))
    holds(version, version="1.2.3", status="pending")
    service.upload_tar_gzip(version.links["upload"], module_archive())
    read = service.read(id)
    holds(read, id=made.id, status="setup_complete")
    same([(one.version, one.status) for one in read.version_statuses], [("1.2.3", "ok")])
    holds(service.read_version(id, "1.2.3"), version="1.2.3", status="ok")
    same([one.version for one in service.list_versions(id)], ["1.2.3"])
    protocol = service.read_terraform_registry_module(id, "1.2.3")
    holds(protocol, name="net", namespace=world.organization, provider="aws", version="1.2.3", versions=["1.2.3"])
    same([one.id for one in service.list(world.organization)], [made.id])
    same([one.id for one in service.list(world.organization, RegistryModuleListOptions(search="ne"))], [made.id])
    same(list(service.list(world.organization, RegistryModuleListOptions(search="other"))), [])
    holds(service.update(id, RegistryModuleUpdateOptions(no_code=False)), no_code=False)
    refused(TFEError, lambda: service.create(world.organization, options), status=422)
    again = RegistryModuleCreateVersionOptions(version="1.2.3")
    refused(TFEError, lambda: service.create_version(id, again), status=422)
    service.delete_version(id, "1.2.3")
    # The module goes with its last version.
    refused(NotFound, lambda: service.read(id), status=404)
    service.create(world.organization, options)
    service.delete_provider(id)
    refused(NotFound, lambda: service.read(id), status=404)
    service.create(world.organization, options)
    service.delete(world.organization, "net")
    same(list(service.list(world.organization)), [])


def registry_providers(world):
    service = world.tfe.registry_providers
    options = RegistryProviderCreateOptions(
        name="cloud", namespace=world.organization, registry_name=RegistryName.PRIVATE
    )
    made = service.create(world.organization, options)
    holds(made, name="cloud", namespace=world.organization, registry_name="private")
    holds(made.permissions, can_delete=True)
    assert isinstance(made.created_at, datetime), made
    world.provider = {
        "organization_name": world.organization,
        "registry_name": RegistryName.PRIVATE,
        "namespace": world.organization,
        "name": "cloud",
    }
    holds(service.read(RegistryProviderID(**world.provider)), id=made.id)
    same([one.id for one in service.list(world.organization)], [made.id])
    same([one.id for one in service.list(world.organization, RegistryProviderListOptions(search="clou"))], [made.id])
    refused(TFEError, lambda: service.create(world.organization, options), status=422)


def signing_key(world):
    """The client has no resource for keys, so its transport sends one."""
    armored = Path(__file__).with_name("signing_key.asc").read_text()
    body = {"data": {"type": "gpg-keys", "attributes": {"namespace": world.organization, "ascii-armor": armored}}}
    made = world.tfe.registry_providers.t.request("POST", "/api/registry/private/v2/gpg-keys", json_body=body)
    return made.json()["data"]["attributes"]["key-id"]


def registry_provider_versions(world):
    service = world.tfe.registry_provider_versions
    world.key = signing_key(world)
    provider = RegistryProviderID(**world.provider)
    options = RegistryProviderVersionCreateOptions(version="1.0.0", key_id=world.key, protocols=["5.0"])
    made = service.create(provider, options)
    holds(made, version="1.0.0", key_id=world.key, protocols=["5.0"], shasums_uploaded=False)
    # The client leaves out the links of what it reads, so it cannot upload the checksums.
    assert made.links is None
    id = RegistryProviderVersionID(**world.provider, version="1.0.0")
    holds(service.read(id), id=made.id)
    same([one.version for one in service.list(provider)], ["1.0.0"])
    refused(TFEError, lambda: service.create(provider, options), status=422)
    missing = RegistryProviderVersionID(**world.provider, version="9.0.0")
    refused(NotFound, lambda: service.read(missing), status=404)


def registry_provider_platforms(world):
    service = world.tfe.registry_provider_platforms
    version = RegistryProviderVersionID(**world.provider, version="1.0.0")
    digest = hashlib.sha256(b"zip").hexdigest()
    options = RegistryProviderPlatformCreateOptions(
        os="linux", arch="amd64", shasum=digest, filename="terraform-provider-cloud_1.0.0_linux_amd64.zip"
    )
    made = service.create(version, options)
    holds(made, os="linux", arch="amd64", shasum=digest, provider_binary_uploaded=False)
    id = RegistryProviderPlatformID(**world.provider, version="1.0.0", os="linux", arch="amd64")
    holds(service.read(id), id=made.id)
    same([one.id for one in service.list(version)], [made.id])
    service.delete(id)
    refused(NotFound, lambda: service.read(id), status=404)
    world.tfe.registry_provider_versions.delete(version)
    refused(NotFound, lambda: world.tfe.registry_provider_versions.read(version), status=404)
    provider = RegistryProviderID(**world.provider)
    world.tfe.registry_providers.delete(provider)
    refused(NotFound, lambda: world.tfe.registry_providers.read(provider), status=404)


def ip_ranges(world):
    found = world.tfe.ip_ranges.read()
    same((type(found.api), type(found.notifications), type(found.sentinel), type(found.vcs)), (list,) * 4)
    later = datetime.now(timezone.utc) + timedelta(days=1)
    assert world.tfe.ip_ranges.read(later) is None


def absent_run_tasks(world):
    same(list(world.tfe.run_tasks.list(world.organization)), [])
    same(list(world.tfe.workspace_run_tasks.list(world.executed)), [])
    same(list(world.tfe.task_stages.list(world.run)), [])
    refused(NotFound, lambda: world.tfe.run_tasks.read(f"task-{MISSING}"), status=404)
    refused(NotFound, lambda: world.tfe.task_stages.read(f"ts-{MISSING}"), status=404)


def absent_policies(world):
    same(list(world.tfe.policies.list(world.organization)), [])
    same(list(world.tfe.policy_sets.list(world.organization)), [])
    same(list(world.tfe.policy_checks.list(world.run)), [])
    refused(NotFound, lambda: world.tfe.policies.read(f"pol-{MISSING}"), status=404)
    refused(NotFound, lambda: world.tfe.policy_sets.read(f"polset-{MISSING}"), status=404)
    refused(NotFound, lambda: world.tfe.policy_checks.read(f"polchk-{MISSING}"), status=404)
    refused(NotFound, lambda: world.tfe.cost_estimates.read(f"ce-{MISSING}"), status=404)


def absent_version_control(world):
    same(list(world.tfe.oauth_clients.list(world.organization)), [])
    same(list(world.tfe.github_app_installations.list()), [])
    refused(NotFound, lambda: world.tfe.oauth_clients.read(f"oc-{MISSING}"), status=404)
    refused(NotFound, lambda: world.tfe.oauth_tokens.read(f"ot-{MISSING}"), status=404)


RESOURCES = [
    registry_modules,
    registry_providers,
    registry_provider_versions,
    registry_provider_platforms,
    ip_ranges,
    absent_run_tasks,
    absent_policies,
    absent_version_control,
]

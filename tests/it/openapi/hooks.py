"""What Schemathesis does differently here: most of its requests name things that exist."""

import collections
import copy

import schemathesis
from seeds import SPARE, organization

MAIN = organization("acme")
# Requests that end something get these, one after the other, so that the others still find theirs.
SPARES = [organization(f"spare-{number}") for number in range(SPARE)]

# Operations whose path parameters mean something else than their name says elsewhere.
OTHER_MEANING = {
    "show-module-by-id": {"organization": "module"},
    "upload-configuration": {"key": "configuration_upload"},
    "read-log": {"key": "log"},
    "show-named-workspace": {"workspace": "workspace_name"},
    "update-named-workspace": {"workspace": "workspace_name"},
    "delete-named-workspace": {"workspace": "workspace_name"},
    "safe-delete-named-workspace": {"workspace": "workspace_name"},
    "upload-state": {"key": "state_upload"},
    "upload-json-state": {"key": "json_state_upload"},
    "show-set-variable": {"variable": "set_variable"},
    "update-set-variable": {"variable": "set_variable"},
    "delete-set-variable": {"variable": "set_variable"},
}

# What these end or give another name takes much with it: each has an organization of its own.
SWEEPING = {
    "delete-organization",
    "update-organization",
    "delete-workspace",
    "safe-delete-workspace",
    "delete-named-workspace",
    "safe-delete-named-workspace",
    "update-named-workspace",
    "delete-project",
    "delete-tags",
    "delete-token",
}

# The seeded thing of each type that bodies refer to.
BY_TYPE = {
    "workspaces": "workspace",
    "projects": "project",
    "teams": "team",
    "users": "user",
    "tags": "tag",
    "vars": "variable",
    "runs": "run",
    "agent-pools": "pool",
    "state-versions": "state_version",
    "configuration-versions": "configuration_version",
    "organization-memberships": "membership",
}

BY_QUERY = {
    "filter[organization][name]": "organization",
    "filter[workspace][name]": "workspace_name",
    "filter[workspace][id]": "workspace",
    "filter[project][id]": "project",
    "filter[namespace]": "organization",
}


class Turns:
    """Whose turn it is: of four requests three name what exists, and each that ends something gets another spare."""

    def __init__(self):
        self.drawn = collections.Counter()
        self.own = {}

    def is_seeded(self, part):
        self.drawn[part] += 1
        return self.drawn[part] % 4 != 0

    def values(self, operation):
        name = operation.definition.raw["operationId"]
        if name in SWEEPING:
            if name not in self.own:
                self.own[name] = organization(f"of-{name}")
            return self.own[name]
        if operation.method.upper() == "DELETE" or "delete" in name:
            self.drawn[name] += 1
            return SPARES[self.drawn[name] % SPARE]
        return MAIN


TURNS = Turns()


def other_meaning(operation):
    name = operation.definition.raw["operationId"]
    if "/registry-providers/" in operation.path or "/v1/providers/" in operation.path:
        return {"name": "provider_name"}
    return OTHER_MEANING.get(name, {})


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters or not TURNS.is_seeded("path"):
        return path_parameters
    values = TURNS.values(context.operation)
    meanings = other_meaning(context.operation)
    known = {name: values[meanings.get(name, name)] for name in path_parameters if meanings.get(name, name) in values}
    return {**path_parameters, **known}


@schemathesis.hook
def map_query(context, query):
    if not query or not TURNS.is_seeded("query"):
        return query
    return {name: MAIN[BY_QUERY[name]] if name in BY_QUERY else value for name, value in query.items()}


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, (dict, list)) or not TURNS.is_seeded("body"):
        return body
    body = copy.deepcopy(body)
    refer(body)
    return body


def refer(value):
    """Lets the references of a body name what exists."""
    if isinstance(value, list):
        for item in value:
            refer(item)
    if isinstance(value, dict):
        kind = value.get("type")
        if "attributes" not in value and isinstance(kind, str) and kind in BY_TYPE:
            value["id"] = MAIN[BY_TYPE[kind]]
        for item in value.values():
            refer(item)

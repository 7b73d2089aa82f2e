"""JSON:API documents, as whoever uses a client without models writes them."""

KINDS = {
    "team": "teams",
    "project": "projects",
    "workspace": "workspaces",
    "sourceable": "workspaces",
    "configuration-version": "configuration-versions",
    "rollback-state-version": "state-versions",
}


def document(kind, **attributes):
    """A document; an attribute that is the id of another thing becomes a relation to it."""
    relations = {}
    for name, value in list(attributes.items()):
        if name == "teams":
            relations[name] = {"data": [{"type": "teams", "id": id} for id in attributes.pop(name)]}
        elif name in KINDS and isinstance(value, str):
            relations[name] = {"data": {"type": KINDS[name], "id": attributes.pop(name)}}
    data = {"type": kind, "attributes": attributes}
    if relations:
        data["relationships"] = relations
    return {"data": data}


def related(kind, *ids):
    return {"data": [{"type": kind, "id": id} for id in ids]}


def ids(answer):
    return [one["id"] for one in answer["data"]]


def names(answer):
    return [one["attributes"]["name"] for one in answer["data"]]

-- Every name that an organization has or had, in lower case: tokens name their organization, so whoever got the name of another
-- one would get the trust that was given to it.
CREATE TABLE organization_names (
    name TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL
);
CREATE INDEX organization_names_organization ON organization_names (organization_id);
INSERT INTO organization_names (name, organization_id)
SELECT lower(name), MIN(id) FROM organizations GROUP BY lower(name);

-- How many runs of a scope (a workspace or an organization) were made on each day since 1970. With it a page of a long list is
-- found by counting days, not runs.
CREATE TABLE run_counts (
    scope TEXT NOT NULL,
    plan_only BOOLEAN NOT NULL,
    day BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    PRIMARY KEY (scope, plan_only, day)
);
INSERT INTO run_counts (scope, plan_only, day, runs)
SELECT workspace_id, plan_only, created_at / 86400000, COUNT(*) FROM runs GROUP BY workspace_id, plan_only, created_at / 86400000;
INSERT INTO run_counts (scope, plan_only, day, runs)
SELECT organization_id, plan_only, created_at / 86400000, COUNT(*) FROM runs GROUP BY organization_id, plan_only, created_at / 86400000;

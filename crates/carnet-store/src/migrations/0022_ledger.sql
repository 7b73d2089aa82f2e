-- The ledger: chains of entries, of which each covers the ones before by its hash. Only ever added to: triggers refuse everything
-- else on either engine. No row refers to another table, so that a chain outlives its organization.
--
-- entry: the canonical text that is hashed. recorded_at: the time in it, for ranges.
CREATE TABLE ledger_entries (
    chain TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (chain, sequence)
);
CREATE INDEX ledger_entries_time ON ledger_entries (chain, recorded_at, sequence);

-- The end of each chain; whoever appends holds its row. open_since: since when entries are there that no checkpoint covers, 0 when
-- they are many, NULL when there are none.
CREATE TABLE ledger_heads (
    chain TEXT PRIMARY KEY,
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL,
    checkpoint_sequence BIGINT NOT NULL,
    open_since BIGINT
);
CREATE INDEX ledger_heads_open ON ledger_heads (open_since, chain);

-- What the issuer signed last about each chain, sealed with the master key: who can write here cannot make one. How many
-- checkpoints there are of all chains is sealed in meta.
CREATE TABLE ledger_seals (
    chain TEXT PRIMARY KEY,
    sealed TEXT NOT NULL
);

-- What the issuer signed about a chain, as a compact JWS.
CREATE TABLE ledger_checkpoints (
    chain TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    kid TEXT NOT NULL,
    jws TEXT NOT NULL,
    PRIMARY KEY (chain, sequence)
);

-- The public halves of the keys that signed checkpoints, kept when the issuer publishes them no longer.
CREATE TABLE ledger_keys (
    kid TEXT PRIMARY KEY,
    jwk TEXT NOT NULL,
    first_used_at BIGINT NOT NULL
);

-- How often a job was refused an identity token, and why: the first are entries, the others are only counted.
CREATE TABLE ledger_refusals (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (job_id, outcome)
);

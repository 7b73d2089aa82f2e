-- No token of a suspended user works.
ALTER TABLE users ADD COLUMN is_suspended BOOLEAN NOT NULL DEFAULT FALSE;
-- Nobody is called like somebody else in other letters: Admin beside admin.
CREATE UNIQUE INDEX users_name ON users (lower(username));
-- The token that approved: a code counts no longer than it.
ALTER TABLE login_codes ADD COLUMN approving_token_id TEXT;

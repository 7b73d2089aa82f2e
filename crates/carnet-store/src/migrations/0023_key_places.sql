-- Where the private half of a signing key is, when it never was here (transit:MOUNT/KEY#VERSION, pkcs11:TOKEN/LABEL): for people
-- and for telling the kinds apart. sealed_pkcs8 then holds the same line and the public half, sealed too: whoever can write to
-- the database must not be able to publish a key. NULL for a key whose private half is sealed in its row.
ALTER TABLE signing_keys ADD COLUMN key_reference TEXT;

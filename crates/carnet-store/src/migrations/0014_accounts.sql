-- The address that a user asked for. It is nobody's until somebody has confirmed whose it is.
ALTER TABLE users ADD COLUMN unconfirmed_email TEXT;

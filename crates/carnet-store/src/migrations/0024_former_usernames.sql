-- Names that users gave up, in lower case: policies name people, so whoever got the name of another one would get what it was trusted
-- with.
CREATE TABLE former_usernames (
    name TEXT PRIMARY KEY,
    user_id TEXT NOT NULL
);

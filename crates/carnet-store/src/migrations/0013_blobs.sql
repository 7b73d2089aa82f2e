-- Blobs, where the engine serves several machines; beside SQLite they are files. A blob has a name once it is complete.
-- blob_contents.id: the salt of the blob, in base64. sealed: one frame, in base64.
CREATE TABLE blob_contents (
    id TEXT PRIMARY KEY,
    begun_at BIGINT NOT NULL
);
CREATE INDEX blob_contents_age ON blob_contents (begun_at);

CREATE TABLE blob_frames (
    content_id TEXT NOT NULL REFERENCES blob_contents (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (content_id, place)
);

CREATE TABLE blobs (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    content_id TEXT NOT NULL UNIQUE REFERENCES blob_contents (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, id)
);

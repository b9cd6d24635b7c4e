-- When somebody was told that a key ends soon; NULL before.
ALTER TABLE constituency_key ADD COLUMN warned_at {time};
CREATE INDEX constituency_key_ends ON constituency_key (expires_at, id) WHERE state = 2 AND warned_at IS NULL AND expires_at IS NOT NULL;

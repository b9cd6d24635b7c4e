-- A suspicious message that nothing is like stands in a list of its own.
ALTER TABLE suspicion_message ADD COLUMN alone {bool} NOT NULL DEFAULT FALSE;
UPDATE suspicion_message SET alone = TRUE WHERE campaign = 0 AND same IS NOT NULL;
CREATE INDEX suspicion_message_alone ON suspicion_message (at, id) WHERE alone;

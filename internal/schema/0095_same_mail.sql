-- What a mail is called, as a keyed hash: the same mail by another way is found by it.
ALTER TABLE correspondence_message ADD COLUMN same {blob};
CREATE INDEX correspondence_message_same ON correspondence_message (same, id) WHERE same IS NOT NULL;

-- Signed mail is looked at again when a key is approved.
CREATE INDEX correspondence_message_signed ON correspondence_message (id) WHERE direction = 1 AND seal IN ('signed', 'signed_encrypted');

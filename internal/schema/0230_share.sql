-- How far what came on a thread may go beyond us, by the word of who told it. Each word is kept; the latest of each width counts. Thread 0 is all that an
-- organisation tells us, message '' all of a thread. Reach 0 takes the word of that width back. It holds no text.
CREATE TABLE correspondence_reach (
  id {id},
  compartment {int} NOT NULL,
  thread {int} NOT NULL DEFAULT 0,
  message {text} NOT NULL DEFAULT '',
  reach {int} NOT NULL,
  at {time} NOT NULL,
  account {int} NOT NULL DEFAULT 0,
  channel {text} NOT NULL,
  latest {bool} NOT NULL
);
CREATE INDEX correspondence_reach_thread ON correspondence_reach (thread) WHERE latest = TRUE AND thread <> 0;
CREATE INDEX correspondence_reach_all ON correspondence_reach (compartment) WHERE latest = TRUE AND thread = 0;

-- A message that we took back: its correspondent reads it no more.
ALTER TABLE correspondence_message ADD COLUMN withdrawn_at {time};

-- One item of a subject that was shared with other parties. Source is the party whose it is, 0 for our own. Body (the words as they were shared) is sealed
-- under the subject's key.
CREATE TABLE coordination_share (
  id {id},
  uid {text} NOT NULL UNIQUE,
  subject {int} NOT NULL REFERENCES object (id),
  subject_kind {int} NOT NULL,
  kind {text} NOT NULL,
  source {int} NOT NULL DEFAULT 0,
  thread {int} NOT NULL DEFAULT 0,
  item {text} NOT NULL,
  file {text} NOT NULL DEFAULT '',
  named {bool} NOT NULL,
  at {time} NOT NULL,
  account {int} NOT NULL,
  body {blob} NOT NULL
);
CREATE INDEX coordination_share_subject ON coordination_share (subject, id);
-- With whom: the letter that is the reader's copy, and the one that took it back.
CREATE TABLE coordination_shared (
  share {int} NOT NULL REFERENCES coordination_share (id),
  party {int} NOT NULL REFERENCES coordination_party (id),
  message {int} NOT NULL,
  tlp {int} NOT NULL,
  withdrawn_at {time},
  withdrawn_by {int} NOT NULL DEFAULT 0,
  recall {int} NOT NULL DEFAULT 0,
  PRIMARY KEY (share, party)
);
CREATE INDEX coordination_shared_message ON coordination_shared (message);

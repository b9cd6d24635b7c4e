-- Mail as it came. The envelope and the bytes are sealed under a data key of the arrival's own; large bytes are in a blob.
CREATE TABLE correspondence_arrival (
  object {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  state {text} NOT NULL,
  received_at {time} NOT NULL,
  size {int} NOT NULL,
  envelope {blob} NOT NULL,
  raw {blob},
  blob {text} NOT NULL DEFAULT '',
  filed_under {int} NOT NULL DEFAULT 0,
  sorted_at {time},
  reason {text} NOT NULL DEFAULT ''
);
CREATE INDEX correspondence_arrival_new ON correspondence_arrival (received_at, object) WHERE state = 'new';
CREATE INDEX correspondence_arrival_aside ON correspondence_arrival (received_at, object) WHERE state = 'aside';
CREATE INDEX correspondence_arrival_under ON correspondence_arrival (filed_under) WHERE filed_under <> 0;

-- The correspondence with one outside correspondent about one thing. The tag is stored as its hash for look-up and sealed for writing.
CREATE TABLE correspondence_thread (
  object {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  about {int} NOT NULL,
  about_kind {int} NOT NULL,
  reference {text} NOT NULL,
  tag {blob} NOT NULL,
  encrypted {bool} NOT NULL DEFAULT FALSE,
  body {blob} NOT NULL
);
CREATE UNIQUE INDEX correspondence_thread_reference ON correspondence_thread (reference);
CREATE UNIQUE INDEX correspondence_thread_tag ON correspondence_thread (tag);
CREATE INDEX correspondence_thread_about ON correspondence_thread (about);

-- One item of a thread. line orders the outbox: held, waiting, failed, sent, the newest of each first; 0 for what came in.
CREATE TABLE correspondence_message (
  id {id},
  uid {text} NOT NULL,
  thread {int} NOT NULL REFERENCES object (id),
  direction {int} NOT NULL,
  channel {text} NOT NULL,
  kind {text} NOT NULL,
  state {text} NOT NULL,
  at {time} NOT NULL,
  send_after {time},
  sent_at {time},
  seen_at {time},
  author {int} NOT NULL DEFAULT 0,
  tlp {int} NOT NULL,
  proof {int} NOT NULL DEFAULT 0,
  seal {text} NOT NULL,
  road {int} NOT NULL DEFAULT 0,
  refers {int} NOT NULL DEFAULT 0,
  arrival {int} NOT NULL DEFAULT 0,
  message_id {text} NOT NULL DEFAULT '',
  reason {text} NOT NULL DEFAULT '',
  automatic {bool} NOT NULL DEFAULT FALSE,
  released {bool} NOT NULL DEFAULT FALSE,
  pass {int} NOT NULL DEFAULT 0,
  taken_at {time},
  handed_at {time},
  tries {int} NOT NULL DEFAULT 0,
  line {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL,
  original {blob}
);
CREATE UNIQUE INDEX correspondence_message_uid ON correspondence_message (uid);
CREATE INDEX correspondence_message_thread ON correspondence_message (thread, at, id);
CREATE INDEX correspondence_message_line ON correspondence_message (line, id) WHERE line > 0;
CREATE INDEX correspondence_message_state ON correspondence_message (state, line, id) WHERE line > 0;
CREATE INDEX correspondence_message_arrival ON correspondence_message (arrival) WHERE arrival <> 0;
CREATE INDEX correspondence_message_mail ON correspondence_message (message_id) WHERE message_id <> '';

-- Attachments by the object under whose data key they lie. message 0: stored, and not yet part of anything.
CREATE TABLE correspondence_file (
  uid {text} NOT NULL PRIMARY KEY,
  owner {int} NOT NULL,
  blob {text} NOT NULL,
  thread {int} NOT NULL DEFAULT 0,
  message {int} NOT NULL DEFAULT 0,
  stored_at {time} NOT NULL
);
CREATE INDEX correspondence_file_message ON correspondence_file (message) WHERE message <> 0;
CREATE INDEX correspondence_file_loose ON correspondence_file (stored_at) WHERE message = 0;
CREATE INDEX correspondence_file_blob ON correspondence_file (blob);

-- Automatic mail of the last day, for its limits: keyed hashes of address and domain. The second table is the lock of each.
CREATE TABLE correspondence_automatic (
  id {id},
  address {blob} NOT NULL,
  domain {blob} NOT NULL,
  at {time} NOT NULL
);
CREATE INDEX correspondence_automatic_address ON correspondence_automatic (address, at);
CREATE INDEX correspondence_automatic_domain ON correspondence_automatic (domain, at);
CREATE INDEX correspondence_automatic_at ON correspondence_automatic (at);
CREATE TABLE correspondence_limit (
  who {blob} NOT NULL PRIMARY KEY,
  at {time} NOT NULL
);
CREATE INDEX correspondence_limit_at ON correspondence_limit (at);

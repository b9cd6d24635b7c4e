-- One organisation's or lone correspondent's part in a subject. Body, and those of its requests and measures, are sealed under the party's key.
CREATE TABLE coordination_party (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  subject {int} NOT NULL REFERENCES object (id),
  subject_kind {int} NOT NULL,
  compartment {int} NOT NULL,
  organisation {int} NOT NULL DEFAULT 0,
  contact {int} NOT NULL DEFAULT 0,
  role {text} NOT NULL,
  thread {int} NOT NULL,
  added_at {time} NOT NULL,
  withdrawn_at {time},
  word_at {time},
  reminded_at {time},
  body {blob} NOT NULL
);
CREATE UNIQUE INDEX coordination_party_once ON coordination_party (subject, compartment);
CREATE UNIQUE INDEX coordination_party_thread ON coordination_party (thread);

-- shown_at is when the letter leaves that asks: before it the party knows nothing of it; NULL when it never left.
CREATE TABLE coordination_request (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  party {int} NOT NULL REFERENCES coordination_party (id),
  subject {int} NOT NULL,
  subject_kind {int} NOT NULL,
  state {text} NOT NULL,
  open {bool} NOT NULL,
  message {int} NOT NULL,
  asked_at {time} NOT NULL,
  shown_at {time},
  due_at {time} NOT NULL,
  answered_at {time},
  body {blob} NOT NULL
);
CREATE INDEX coordination_request_party ON coordination_request (party, due_at, id);
CREATE INDEX coordination_request_subject ON coordination_request (subject, id);
CREATE INDEX coordination_request_message ON coordination_request (message);
CREATE INDEX coordination_request_due ON coordination_request (due_at, id);
CREATE INDEX coordination_request_open ON coordination_request (due_at, id) WHERE open = TRUE;

CREATE TABLE coordination_measure (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  party {int} NOT NULL REFERENCES coordination_party (id),
  subject {int} NOT NULL,
  subject_kind {int} NOT NULL,
  recommendation {text} NOT NULL,
  revision {int} NOT NULL,
  state {text} NOT NULL,
  open {bool} NOT NULL,
  message {int} NOT NULL,
  given_at {time} NOT NULL,
  shown_at {time},
  due_at {time} NOT NULL,
  planned_for {time},
  done_at {time},
  verified_at {time},
  body {blob} NOT NULL
);
CREATE INDEX coordination_measure_party ON coordination_measure (party, due_at, id);
CREATE INDEX coordination_measure_subject ON coordination_measure (subject, id);
CREATE INDEX coordination_measure_message ON coordination_measure (message);
CREATE INDEX coordination_measure_due ON coordination_measure (due_at, id);
CREATE INDEX coordination_measure_open ON coordination_measure (due_at, id) WHERE open = TRUE;

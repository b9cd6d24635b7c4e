-- One question to many parties of a subject, as one act. Body, and the lines that nobody answers for, are sealed under the subject's key.
CREATE TABLE coordination_sending (
  id {id},
  uid {text} NOT NULL UNIQUE,
  subject {int} NOT NULL REFERENCES object (id),
  subject_kind {int} NOT NULL,
  state {text} NOT NULL,
  version {int} NOT NULL,
  account {int} NOT NULL,
  created_at {time} NOT NULL,
  changed_at {time} NOT NULL,
  asked_at {time},
  decided_at {time},
  decided_by {int} NOT NULL DEFAULT 0,
  leaves_at {time},
  ended_at {time},
  readers {int} NOT NULL DEFAULT 0,
  tlp {int} NOT NULL DEFAULT 0,
  hash {blob},
  body {blob} NOT NULL,
  nobody {blob}
);
CREATE INDEX coordination_sending_subject ON coordination_sending (subject, id);
CREATE INDEX coordination_sending_waiting ON coordination_sending (id) WHERE state = 'waiting';
-- Who was chosen. 0 is written to, 1 was taken out by a person, 2 has its letter, 3 was left for the reason. Place is drawn: letters leave in its order.
CREATE TABLE coordination_sending_party (
  sending {int} NOT NULL REFERENCES coordination_sending (id),
  organisation {int} NOT NULL REFERENCES object (id),
  state {int} NOT NULL DEFAULT 0,
  place {int} NOT NULL,
  lines {int} NOT NULL DEFAULT 0,
  party {int} NOT NULL DEFAULT 0,
  message {text} NOT NULL DEFAULT '',
  reason {text} NOT NULL DEFAULT '',
  body {blob} NOT NULL,
  evidence {blob},
  PRIMARY KEY (sending, organisation)
);
CREATE INDEX coordination_sending_party_state ON coordination_sending_party (sending, state, place);

-- A situation that is shared with other authorities. Body (ground, reasons, who leads, who tells whom) is sealed under the subject's key.
CREATE TABLE coordination_situation (
  id {id},
  uid {text} NOT NULL UNIQUE,
  subject {int} NOT NULL REFERENCES object (id),
  subject_kind {int} NOT NULL,
  opened_at {time} NOT NULL,
  opened_by {int} NOT NULL,
  ended_at {time},
  version {int} NOT NULL,
  body {blob} NOT NULL
);
CREATE INDEX coordination_situation_subject ON coordination_situation (subject, id);
CREATE UNIQUE INDEX coordination_situation_open ON coordination_situation (subject) WHERE ended_at IS NULL;

CREATE TABLE coordination_member (
  situation {int} NOT NULL REFERENCES coordination_situation (id),
  party {int} NOT NULL REFERENCES coordination_party (id),
  kind {text} NOT NULL,
  joined_at {time} NOT NULL,
  told_at {time},
  message {int} NOT NULL DEFAULT 0,
  PRIMARY KEY (situation, party)
);

-- Decisions are numbered and never changed, only followed by another. Body (the words) is sealed under the subject's key.
CREATE TABLE coordination_decision (
  id {id},
  uid {text} NOT NULL UNIQUE,
  situation {int} NOT NULL REFERENCES coordination_situation (id),
  number {int} NOT NULL,
  joint {bool} NOT NULL,
  follows {int} NOT NULL DEFAULT 0,
  at {time} NOT NULL,
  account {int} NOT NULL,
  body {blob} NOT NULL
);
CREATE UNIQUE INDEX coordination_decision_number ON coordination_decision (situation, number);

-- Who is asked to agree to a joint decision; its answer is that to the request.
CREATE TABLE coordination_agreement (
  decision {int} NOT NULL REFERENCES coordination_decision (id),
  party {int} NOT NULL REFERENCES coordination_party (id),
  request {int} NOT NULL,
  message {int} NOT NULL,
  PRIMARY KEY (decision, party)
);

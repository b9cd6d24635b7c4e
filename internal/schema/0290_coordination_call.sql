-- A party that takes part only in calls of its own: no other party may be in them.
ALTER TABLE coordination_party ADD COLUMN alone {bool} NOT NULL DEFAULT FALSE;

-- Coordination calls about a subject. Body (what it is about, how one takes part, who came, minutes) is sealed under the subject's key.
CREATE TABLE coordination_call (
  id {id},
  uid {text} NOT NULL UNIQUE,
  subject {int} NOT NULL REFERENCES object (id),
  subject_kind {int} NOT NULL,
  state {text} NOT NULL,
  starts_at {time} NOT NULL,
  minutes {int} NOT NULL,
  tlp {int} NOT NULL,
  made_at {time} NOT NULL,
  made_by {int} NOT NULL,
  held_at {time},
  frozen_at {time},
  off_at {time},
  version {int} NOT NULL,
  body {blob} NOT NULL
);
CREATE INDEX coordination_call_subject ON coordination_call (subject, id);

-- Who is invited: the newest letter, and the request by which the party says whether it comes. letters counts them; calendar is the name of the event in
-- the party's calendar file, another one for each party.
CREATE TABLE coordination_called (
  call {int} NOT NULL REFERENCES coordination_call (id),
  party {int} NOT NULL REFERENCES coordination_party (id),
  calendar {text} NOT NULL,
  letters {int} NOT NULL,
  invited_at {time} NOT NULL,
  request {int} NOT NULL DEFAULT 0,
  message {int} NOT NULL DEFAULT 0,
  gone_at {time},
  PRIMARY KEY (call, party)
);
CREATE INDEX coordination_called_message ON coordination_called (message);
CREATE INDEX coordination_called_party ON coordination_called (party);

-- What was agreed in a call: a task of ours, or a measure of a party. Body (its title) is sealed under the subject's key.
CREATE TABLE coordination_call_action (
  id {id},
  uid {text} NOT NULL UNIQUE,
  call {int} NOT NULL REFERENCES coordination_call (id),
  at {time} NOT NULL,
  account {int} NOT NULL,
  task {text} NOT NULL DEFAULT '',
  measure {int} NOT NULL DEFAULT 0,
  party {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL
);
CREATE INDEX coordination_call_action_call ON coordination_call_action (call, id);

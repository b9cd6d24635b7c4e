-- Ladders by which silent parties are chased, each version as it was used. Severities at which it begins by itself are plain: the house reads them with each
-- letter that asks. Body (name, rungs with their words) is sealed by the house.
CREATE TABLE coordination_ladder (
  id {id},
  code {text} NOT NULL,
  version {int} NOT NULL,
  severities {text} NOT NULL DEFAULT '',
  made_by {int} NOT NULL,
  made_at {time} NOT NULL,
  retired_at {time},
  body {blob} NOT NULL
);
CREATE UNIQUE INDEX coordination_ladder_version ON coordination_ladder (code, version);

-- The ladder that a person chose for a subject; '-' for none, whatever its severity.
CREATE TABLE coordination_ladder_of (
  subject {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  code {text} NOT NULL
);

-- Where a party stands on a ladder. rung is the next one, from 0; next_at when it is taken; left_for what was left of that time when it was paused.
CREATE TABLE coordination_climb (
  party {int} NOT NULL PRIMARY KEY REFERENCES coordination_party (id),
  subject {int} NOT NULL,
  ladder {int} NOT NULL REFERENCES coordination_ladder (id),
  rung {int} NOT NULL,
  state {text} NOT NULL,
  why {text} NOT NULL DEFAULT '',
  next_at {time},
  left_for {int} NOT NULL DEFAULT 0,
  began_at {time} NOT NULL,
  changed_at {time} NOT NULL
);
CREATE INDEX coordination_climb_subject ON coordination_climb (subject, party);

-- What was done on it. Words (the reason of a person) are sealed under the party's key.
CREATE TABLE coordination_step (
  id {id},
  party {int} NOT NULL REFERENCES coordination_party (id),
  at {time} NOT NULL,
  ladder {int} NOT NULL,
  rung {int} NOT NULL,
  what {text} NOT NULL,
  contact {int} NOT NULL DEFAULT 0,
  other {int} NOT NULL DEFAULT 0,
  message {int} NOT NULL DEFAULT 0,
  account {int} NOT NULL DEFAULT 0,
  body {blob}
);
CREATE INDEX coordination_step_party ON coordination_step (party, id);
CREATE INDEX coordination_party_organisation ON coordination_party (organisation, id) WHERE organisation <> 0;

-- A registration is an object of realm 2 that no party sees by its scope: what an entity says of itself so that it stands in the register (NIS2 Art. 3(3)
-- and (4), Art. 27). What was said is sealed under its own key; plain is only by what the queue and the export are cut.
CREATE TABLE registration_registration (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  reference {text} NOT NULL UNIQUE,
  state {text} NOT NULL,
  channel {text} NOT NULL,
  review {bool} NOT NULL DEFAULT FALSE,
  organisation {int} NOT NULL DEFAULT 0,
  account {int} NOT NULL DEFAULT 0,
  sector {text} NOT NULL DEFAULT '',
  class {text} NOT NULL,
  lang {text} NOT NULL,
  said {blob},
  decision {blob},
  checks {text} NOT NULL DEFAULT '',
  code {blob},
  public_key {blob},
  thread {int} NOT NULL DEFAULT 0,
  received_at {time} NOT NULL,
  first_by {int} NOT NULL DEFAULT 0,
  decided_by {int} NOT NULL DEFAULT 0,
  decided_at {time}
);
CREATE INDEX registration_registration_state ON registration_registration (state, received_at, id);
CREATE INDEX registration_registration_organisation ON registration_registration (organisation, id) WHERE organisation <> 0;
CREATE UNIQUE INDEX registration_registration_code ON registration_registration (code) WHERE code IS NOT NULL;
CREATE INDEX registration_registration_decided ON registration_registration (decided_at, id) WHERE state = 'refused';

-- What we asked back and what was answered, sealed under the key of the registration. by_account 0 is the applicant with its code.
CREATE TABLE registration_word (
  id {id},
  uid {text} NOT NULL UNIQUE,
  registration {int} NOT NULL REFERENCES registration_registration (id),
  ours {bool} NOT NULL,
  by_account {int} NOT NULL,
  at {time} NOT NULL,
  sealed {blob} NOT NULL
);
CREATE INDEX registration_word_registration ON registration_word (registration, id);

-- Proof of who may sign, as it was sent: name, type and bytes are sealed under the key of the registration.
CREATE TABLE registration_file (
  id {id},
  uid {text} NOT NULL UNIQUE,
  registration {int} NOT NULL REFERENCES registration_registration (id),
  size {int} NOT NULL,
  sealed {blob} NOT NULL
);
CREATE INDEX registration_file_registration ON registration_file (registration, id);

-- What the holder of a registration's code sees of it, sealed to that code.
CREATE TABLE registration_shown (
  hash {blob} NOT NULL PRIMARY KEY,
  sealed {blob} NOT NULL,
  shown_at {time} NOT NULL
);

-- The entry of a registered entity beside its organisation. What Art. 27 asks beyond the register is sealed under the organisation's key.
CREATE TABLE registration_entity (
  organisation {int} NOT NULL PRIMARY KEY REFERENCES constituency_organisation (id),
  registration {int} NOT NULL,
  sector {text} NOT NULL,
  kind {text} NOT NULL,
  class {text} NOT NULL,
  size {text} NOT NULL,
  entry {blob} NOT NULL,
  registered_at {time} NOT NULL,
  reviewed_at {time} NOT NULL,
  review_due {time} NOT NULL
);
CREATE INDEX registration_entity_due ON registration_entity (review_due, organisation);

-- Changes that an entity told: since when the thing is so, and until when it had to be told (Art. 3(4): two weeks).
CREATE TABLE registration_change (
  id {id},
  uid {text} NOT NULL UNIQUE,
  organisation {int} NOT NULL REFERENCES constituency_organisation (id),
  kind {text} NOT NULL,
  since {time} NOT NULL,
  due {time} NOT NULL,
  announced_at {time} NOT NULL,
  told_at {time},
  by_account {int} NOT NULL
);
CREATE INDEX registration_change_organisation ON registration_change (organisation, id);
CREATE INDEX registration_change_open ON registration_change (due, id) WHERE told_at IS NULL;

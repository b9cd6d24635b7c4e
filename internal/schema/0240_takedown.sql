-- What stands on the network and is to be ended: a URL, a domain, an address of an incident. Body (what it is, what was seen) is sealed under the incident's key.
CREATE TABLE takedown_target (
  id {id},
  uid {text} NOT NULL UNIQUE,
  subject {int} NOT NULL REFERENCES object (id),
  kind {text} NOT NULL,
  state {text} NOT NULL,
  version {int} NOT NULL,
  created_at {time} NOT NULL,
  state_at {time} NOT NULL,
  told_at {time},
  down_at {time},
  ended_at {time},
  look_at {time},
  looked_at {time},
  looks {int} NOT NULL DEFAULT 0,
  misses {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL
);
CREATE INDEX takedown_target_subject ON takedown_target (subject, id);
CREATE INDEX takedown_target_look ON takedown_target (look_at) WHERE look_at IS NOT NULL;
-- Each state it was in, with who or what said so. Body (why, what was seen) is sealed under the incident's key.
CREATE TABLE takedown_state (
  id {id},
  target {int} NOT NULL REFERENCES takedown_target (id),
  state {text} NOT NULL,
  at {time} NOT NULL,
  account {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL
);
CREATE INDEX takedown_state_target ON takedown_state (target, id);
-- Who can end things: how it wants to be told. The organisation and its address are the registry's.
CREATE TABLE takedown_provider (
  id {id},
  uid {text} NOT NULL UNIQUE,
  organisation {int} NOT NULL REFERENCES object (id),
  kind {text} NOT NULL,
  form {text} NOT NULL,
  page {text} NOT NULL DEFAULT '',
  wants {text} NOT NULL DEFAULT '',
  matches {text} NOT NULL DEFAULT '',
  version {int} NOT NULL,
  changed_at {time} NOT NULL,
  retired_at {time}
);
CREATE UNIQUE INDEX takedown_provider_organisation ON takedown_provider (organisation, kind);
-- Who was proposed for a target, by whom it was decided, and when it was told. Body (why) is sealed under the incident's key.
CREATE TABLE takedown_proposal (
  id {id},
  uid {text} NOT NULL UNIQUE,
  target {int} NOT NULL REFERENCES takedown_target (id),
  role {text} NOT NULL,
  organisation {int} NOT NULL DEFAULT 0,
  provider {int} NOT NULL DEFAULT 0,
  state {text} NOT NULL,
  at {time} NOT NULL,
  account {int} NOT NULL DEFAULT 0,
  sending {int} NOT NULL DEFAULT 0,
  told_at {time},
  body {blob} NOT NULL
);
CREATE INDEX takedown_proposal_target ON takedown_proposal (target, id);
CREATE INDEX takedown_proposal_organisation ON takedown_proposal (organisation, told_at);
CREATE INDEX takedown_proposal_waits ON takedown_proposal (sending) WHERE told_at IS NULL AND sending <> 0;
ALTER TABLE coordination_sending_party ADD COLUMN files {blob};

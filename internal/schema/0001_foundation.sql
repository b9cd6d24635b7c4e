-- One row per object that a reader may be allowed or refused: every list and search joins it.
CREATE TABLE object (
  id {id},
  kind {int} NOT NULL,
  uid {text} NOT NULL,
  ref {text} NOT NULL DEFAULT '',
  realm {int} NOT NULL,
  compartment {int} NOT NULL DEFAULT 0,
  tlp {int} NOT NULL,
  pap {int} NOT NULL DEFAULT 0,
  handler {int} NOT NULL DEFAULT 0,
  sealed {bool} NOT NULL DEFAULT FALSE,
  exercise {bool} NOT NULL DEFAULT FALSE,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  version {int} NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX object_uid ON object (uid);
CREATE UNIQUE INDEX object_ref ON object (ref) WHERE ref <> '';
CREATE INDEX object_newest ON object (kind, updated_at, id);
CREATE INDEX object_compartment ON object (kind, compartment, updated_at, id) WHERE compartment <> 0;
CREATE INDEX object_handler ON object (handler, kind, updated_at) WHERE handler <> 0;

CREATE TABLE object_counter (
  name {text} NOT NULL,
  year {int} NOT NULL,
  value {int} NOT NULL,
  PRIMARY KEY (name, year)
);

-- Who may see one object beyond what the role gives: shared acts, seals, liaison and peer access.
CREATE TABLE access_grant (
  account {int} NOT NULL,
  object {int} NOT NULL REFERENCES object (id),
  kind {int} NOT NULL,
  granted_by {int} NOT NULL,
  granted_at {time} NOT NULL,
  until {time},
  PRIMARY KEY (account, object)
);
CREATE INDEX access_grant_object ON access_grant (object);

-- A random data key per owner (an object; 0 is the house), wrapped by the root key. Destroying the row destroys the content.
CREATE TABLE keyring_key (
  owner {int} NOT NULL PRIMARY KEY,
  wrapped {blob} NOT NULL,
  created_at {time} NOT NULL
);
CREATE TABLE keyring_destroyed (
  owner {int} NOT NULL PRIMARY KEY,
  destroyed_at {time} NOT NULL,
  reason {text} NOT NULL
);

-- The audit record. Rows are written once: entry, number, node and checkpoint are never changed; detail may be erased.
CREATE TABLE audit_entry (
  id {id},
  at {time} NOT NULL,
  actor {int} NOT NULL,
  actor_name {text} NOT NULL,
  origin {int} NOT NULL,
  verb {text} NOT NULL,
  object {int} NOT NULL,
  kind {int} NOT NULL,
  about {int} NOT NULL DEFAULT 0,
  compartment {int} NOT NULL DEFAULT 0,
  leaf {blob} NOT NULL
);
CREATE INDEX audit_entry_object ON audit_entry (object, id);
CREATE INDEX audit_entry_about ON audit_entry (about, id) WHERE about <> 0;
CREATE INDEX audit_entry_actor ON audit_entry (actor, id);
CREATE TABLE audit_detail (
  entry {int} NOT NULL PRIMARY KEY,
  owner {int} NOT NULL,
  sealed {blob} NOT NULL
);
CREATE INDEX audit_detail_owner ON audit_detail (owner);
CREATE TABLE audit_waiting (
  entry {int} NOT NULL PRIMARY KEY
);
CREATE TABLE audit_number (
  seq {int} NOT NULL PRIMARY KEY,
  entry {int} NOT NULL UNIQUE
);
CREATE TABLE audit_node (
  idx {int} NOT NULL PRIMARY KEY,
  hash {blob} NOT NULL
);
CREATE TABLE audit_checkpoint (
  size {int} NOT NULL PRIMARY KEY,
  at {time} NOT NULL,
  note {text} NOT NULL
);

-- What may change while running.
CREATE TABLE setting_value (
  name {text} NOT NULL PRIMARY KEY,
  value {text} NOT NULL,
  changed_at {time} NOT NULL,
  changed_by {int} NOT NULL
);

-- Answers to requests that carried an idempotency key, so that a repeated request changes nothing twice.
CREATE TABLE once_answer (
  actor {text} NOT NULL,
  key {text} NOT NULL,
  request {blob} NOT NULL,
  owner {int} NOT NULL,
  status {int} NOT NULL,
  answer {blob} NOT NULL,
  at {time} NOT NULL,
  PRIMARY KEY (actor, key)
);
CREATE INDEX once_answer_at ON once_answer (at);

-- {sqlite}
-- +goose StatementBegin
CREATE TRIGGER audit_entry_kept BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entry_stays BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_number_kept BEFORE UPDATE ON audit_number BEGIN SELECT RAISE(ABORT, 'audit numbers are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_number_stays BEFORE DELETE ON audit_number BEGIN SELECT RAISE(ABORT, 'audit numbers are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_node_kept BEFORE UPDATE ON audit_node BEGIN SELECT RAISE(ABORT, 'audit nodes are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_node_stays BEFORE DELETE ON audit_node BEGIN SELECT RAISE(ABORT, 'audit nodes are never deleted'); END;
-- +goose StatementEnd
-- {end}
-- {postgres}
-- +goose StatementBegin
CREATE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit rows are never changed'; END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();
CREATE TRIGGER audit_number_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_number FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();
CREATE TRIGGER audit_node_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_node FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();
-- {end}

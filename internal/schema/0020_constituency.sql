-- Organisations are objects of realm 2 whose compartment is themselves. Their names and assets are searched, so they are plain columns.
CREATE TABLE constituency_organisation (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  name {text} NOT NULL,
  folded {text} NOT NULL,
  external {text} NOT NULL DEFAULT '',
  sector {text} NOT NULL DEFAULT '',
  class {text} NOT NULL DEFAULT '',
  criticality {int} NOT NULL DEFAULT 0,
  size {int} NOT NULL DEFAULT 0,
  lang {text} NOT NULL,
  parent {int} NOT NULL DEFAULT 0
);
CREATE INDEX constituency_organisation_name ON constituency_organisation (folded, id);
CREATE INDEX constituency_organisation_sector ON constituency_organisation (sector, folded, id) WHERE sector <> '';
CREATE UNIQUE INDEX constituency_organisation_external ON constituency_organisation (external) WHERE external <> '';
CREATE INDEX constituency_organisation_parent ON constituency_organisation (parent) WHERE parent <> 0;

-- The folded words of a name, for search by the beginnings of words.
CREATE TABLE constituency_word (
  word {text} NOT NULL,
  organisation {int} NOT NULL REFERENCES constituency_organisation (id),
  PRIMARY KEY (word, organisation)
);
CREATE INDEX constituency_word_organisation ON constituency_word (organisation, word);

CREATE TABLE constituency_membership (
  organisation {int} NOT NULL REFERENCES constituency_organisation (id),
  community {text} NOT NULL,
  PRIMARY KEY (organisation, community)
);
CREATE INDEX constituency_membership_community ON constituency_membership (community, organisation);

CREATE TABLE constituency_contact (
  id {id},
  uid {text} NOT NULL UNIQUE,
  organisation {int} NOT NULL REFERENCES constituency_organisation (id),
  name {text} NOT NULL DEFAULT '',
  role {text} NOT NULL,
  email {text} NOT NULL DEFAULT '',
  folded {text} NOT NULL DEFAULT '',
  phone {text} NOT NULL DEFAULT '',
  lang {text} NOT NULL DEFAULT '',
  on_call {bool} NOT NULL DEFAULT FALSE,
  verified_at {time},
  verified_how {text} NOT NULL DEFAULT '',
  retired_at {time}
);
CREATE INDEX constituency_contact_organisation ON constituency_contact (organisation);
CREATE UNIQUE INDEX constituency_contact_email ON constituency_contact (folded) WHERE folded <> '' AND retired_at IS NULL;

CREATE TABLE constituency_key (
  id {id},
  uid {text} NOT NULL UNIQUE,
  contact {int} NOT NULL REFERENCES constituency_contact (id),
  fingerprint {text} NOT NULL,
  digest {blob} NOT NULL,
  certificate {blob} NOT NULL,
  state {int} NOT NULL,
  source {text} NOT NULL,
  expires_at {time},
  offered_at {time} NOT NULL,
  approved_at {time},
  approved_by {int} NOT NULL DEFAULT 0,
  approved_how {text} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX constituency_key_contact ON constituency_key (contact, digest);
CREATE INDEX constituency_key_offered ON constituency_key (offered_at, id) WHERE state = 1;
CREATE INDEX constituency_key_fingerprint ON constituency_key (fingerprint);

-- A prefix is the pair of its first and last address, 16 bytes each (IPv4 as ::ffff:a.b.c.d).
CREATE TABLE constituency_asset (
  id {id},
  uid {text} NOT NULL UNIQUE,
  organisation {int} NOT NULL REFERENCES constituency_organisation (id),
  kind {text} NOT NULL,
  value {text} NOT NULL,
  first {blob},
  last {blob},
  proved_at {time},
  proved_how {text} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX constituency_asset_organisation ON constituency_asset (organisation, kind, value);
CREATE INDEX constituency_asset_value ON constituency_asset (kind, value);
CREATE INDEX constituency_asset_first ON constituency_asset (first, last) WHERE first IS NOT NULL;

-- What a community is entitled to, where it differs from the table in the program.
CREATE TABLE constituency_entitlement (
  community {text} NOT NULL,
  service {text} NOT NULL,
  level {text} NOT NULL,
  first_answer {int} NOT NULL,
  priority {int} NOT NULL,
  PRIMARY KEY (community, service)
);

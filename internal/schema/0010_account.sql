-- People and machines that sign in. An account is an object, so its id is unique in the audit record.
CREATE TABLE account_person (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  email {text} NOT NULL DEFAULT '',
  folded {text} NOT NULL DEFAULT '',
  name {text} NOT NULL,
  lang {text} NOT NULL,
  organisation {int} NOT NULL DEFAULT 0,
  machine {bool} NOT NULL DEFAULT FALSE,
  active {bool} NOT NULL,
  password {text} NOT NULL DEFAULT '',
  password_at {time},
  totp {blob},
  totp_at {time},
  totp_step {int} NOT NULL DEFAULT 0,
  totp_next {blob},
  seen_at {time}
);
CREATE UNIQUE INDEX account_person_email ON account_person (folded) WHERE folded <> '';
CREATE INDEX account_person_name ON account_person (name, id);
CREATE INDEX account_person_organisation ON account_person (organisation, name, id);

-- A role is pending (1), active (2) or ended (3). Rows stay: that there ever was a lead ends the beginning.
CREATE TABLE account_role (
  account {int} NOT NULL REFERENCES account_person (id),
  role {text} NOT NULL,
  state {int} NOT NULL,
  given_by {int} NOT NULL,
  given_at {time} NOT NULL,
  confirmed_by {int} NOT NULL DEFAULT 0,
  confirmed_at {time},
  PRIMARY KEY (account, role)
);
CREATE INDEX account_role_state ON account_role (role, state);
CREATE INDEX account_role_pending ON account_role (given_at) WHERE state = 1;

-- Recovery codes, each used once.
CREATE TABLE account_recovery (
  account {int} NOT NULL REFERENCES account_person (id),
  hash {blob} NOT NULL,
  used_at {time},
  PRIMARY KEY (account, hash)
);

-- Sign-ins. A half session has given its password and owes the second factor.
CREATE TABLE account_session (
  id {id},
  uid {text} NOT NULL UNIQUE,
  account {int} NOT NULL REFERENCES account_person (id),
  door {text} NOT NULL,
  hash {blob} NOT NULL UNIQUE,
  half {bool} NOT NULL,
  strength {int} NOT NULL,
  created_at {time} NOT NULL,
  proved_at {time} NOT NULL,
  seen_at {time} NOT NULL,
  device {text} NOT NULL,
  network {text} NOT NULL,
  ended_at {time}
);
CREATE INDEX account_session_account ON account_session (account, seen_at);
CREATE INDEX account_session_seen ON account_session (seen_at);

-- Browsers that signed in before; strangers' failures do not lock them out.
CREATE TABLE account_device (
  hash {blob} NOT NULL PRIMARY KEY,
  account {int} NOT NULL REFERENCES account_person (id),
  seen_at {time} NOT NULL
);
CREATE INDEX account_device_account ON account_device (account);

-- API tokens, by hash. State as of roles.
CREATE TABLE account_token (
  id {id},
  uid {text} NOT NULL UNIQUE,
  account {int} NOT NULL REFERENCES account_person (id),
  name {text} NOT NULL,
  hash {blob} NOT NULL UNIQUE,
  role {text} NOT NULL,
  scopes {text} NOT NULL DEFAULT '',
  networks {text} NOT NULL DEFAULT '',
  state {int} NOT NULL,
  created_by {int} NOT NULL,
  created_at {time} NOT NULL,
  expires_at {time} NOT NULL,
  used_at {time}
);
CREATE INDEX account_token_account ON account_token (account, id);
CREATE INDEX account_token_pending ON account_token (created_at) WHERE state = 1;

-- Links that let a person choose a password: one live link an account.
CREATE TABLE account_link (
  account {int} NOT NULL PRIMARY KEY REFERENCES account_person (id),
  hash {blob} NOT NULL UNIQUE,
  expires_at {time} NOT NULL
);

-- Failed tries by keyed hash of account, address, network or device, in windows.
CREATE TABLE account_try (
  key {blob} NOT NULL PRIMARY KEY,
  since {time} NOT NULL,
  count {int} NOT NULL
);
CREATE INDEX account_try_since ON account_try (since);

-- Passkeys (WebAuthn): the public key and what the authenticator said of itself. A credential id is one account's.
CREATE TABLE account_passkey (
  id {id},
  uid {text} NOT NULL UNIQUE,
  account {int} NOT NULL REFERENCES account_person (id),
  rp {text} NOT NULL,
  credential {blob} NOT NULL UNIQUE,
  public_key {blob} NOT NULL,
  count {int} NOT NULL,
  eligible {bool} NOT NULL,
  backed_up {bool} NOT NULL,
  transports {text} NOT NULL DEFAULT '',
  name {text} NOT NULL,
  created_at {time} NOT NULL,
  used_at {time}
);
CREATE INDEX account_passkey_account ON account_passkey (account, id);

-- Challenges that were answered: none is answered twice.
CREATE TABLE account_challenge (
  hash {blob} NOT NULL PRIMARY KEY,
  at {time} NOT NULL
);
CREATE INDEX account_challenge_at ON account_challenge (at);

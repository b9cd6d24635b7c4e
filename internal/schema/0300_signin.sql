-- Providers outside by which people may sign in (OpenID Connect), as an administrator entered them. The secret is sealed by the house.
CREATE TABLE account_provider (
  id {id},
  uid {text} NOT NULL UNIQUE,
  name {text} NOT NULL,
  issuer {text} NOT NULL,
  client {text} NOT NULL,
  secret {blob},
  desk {bool} NOT NULL,
  portal {bool} NOT NULL,
  acr {text} NOT NULL DEFAULT '',
  amr {text} NOT NULL DEFAULT '',
  active {bool} NOT NULL,
  made_by {int} NOT NULL,
  made_at {time} NOT NULL
);

-- Whom a provider's subject is here. One is one account's; an account has one at each provider.
CREATE TABLE account_identity (
  id {id},
  uid {text} NOT NULL UNIQUE,
  account {int} NOT NULL REFERENCES account_person (id),
  provider {int} NOT NULL REFERENCES account_provider (id),
  issuer {text} NOT NULL,
  subject {text} NOT NULL,
  linked_at {time} NOT NULL,
  used_at {time}
);
CREATE UNIQUE INDEX account_identity_subject ON account_identity (issuer, subject);
CREATE UNIQUE INDEX account_identity_account ON account_identity (account, provider);
CREATE INDEX account_identity_provider ON account_identity (provider);

-- The identity by which a session was proved last, 0 for none.
ALTER TABLE account_session ADD COLUMN identity {int} NOT NULL DEFAULT 0;

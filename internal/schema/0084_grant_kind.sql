-- What one account was granted of a kind, in the order in which it was made.
CREATE INDEX access_grant_kind ON access_grant (account, kind, object);

-- A blind index: each token is 64 bits of a keyed hash, so that neither the table nor a dump tells words.
CREATE TABLE search_token (
  token {int} NOT NULL,
  object {int} NOT NULL,
  PRIMARY KEY (token, object)
-- {sqlite}
) WITHOUT ROWID;
-- {end}
-- {postgres}
);
-- {end}
CREATE TABLE search_document (
  object {int} NOT NULL PRIMARY KEY,
  tokens {blob} NOT NULL
);

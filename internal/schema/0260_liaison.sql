-- Organisations with which we work as authority, team or supplier rather than as members of the constituency: what they are, of which country, and on what
-- law or agreement we exchange with them.
CREATE TABLE constituency_liaison (
  organisation {int} PRIMARY KEY REFERENCES object (id),
  kind {text} NOT NULL,
  country {text} NOT NULL,
  basis {text} NOT NULL,
  changed_at {time} NOT NULL
);
CREATE INDEX constituency_liaison_kind ON constituency_liaison (kind, country, organisation);

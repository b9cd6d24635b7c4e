-- Who says that something is theirs proves it: a record in the name system, a file on the host, a code by mail to a role of the domain, an object of a
-- registry that a person judges, or another way that a person notes. Nobody answers for what was only claimed: the asset is made when it is proved.
CREATE TABLE constituency_proof (
  id {id},
  uid {text} NOT NULL UNIQUE,
  organisation {int} NOT NULL REFERENCES constituency_organisation (id),
  asset {int} NOT NULL DEFAULT 0,
  kind {text} NOT NULL,
  value {text} NOT NULL,
  way {text} NOT NULL,
  state {text} NOT NULL,
  place {text} NOT NULL DEFAULT '',
  token {text} NOT NULL DEFAULT '',
  code {blob},
  tries {int} NOT NULL DEFAULT 0,
  evidence {blob},
  message {text} NOT NULL DEFAULT '',
  made_at {time} NOT NULL,
  made_by {int} NOT NULL,
  until {time},
  look_at {time},
  looked_at {time},
  said {text} NOT NULL DEFAULT '',
  decided_at {time},
  decided_by {int} NOT NULL DEFAULT 0,
  why {text} NOT NULL DEFAULT ''
);
CREATE INDEX constituency_proof_organisation ON constituency_proof (organisation, kind, value, id);
CREATE INDEX constituency_proof_look ON constituency_proof (look_at, id) WHERE look_at IS NOT NULL;
CREATE INDEX constituency_proof_until ON constituency_proof (until, id) WHERE until IS NOT NULL AND state IN ('waiting', 'proved');
CREATE INDEX constituency_proof_asked ON constituency_proof (made_at, id) WHERE state = 'asked';
CREATE INDEX constituency_proof_asset ON constituency_proof (asset) WHERE asset <> 0;

-- Until when the proof of an asset holds; NULL where none was given an end.
ALTER TABLE constituency_asset ADD COLUMN proved_until {time};
CREATE INDEX constituency_asset_proved_until ON constituency_asset (proved_until, id) WHERE proved_until IS NOT NULL;
CREATE INDEX constituency_proof_lapsed ON constituency_proof (organisation, asset) WHERE state = 'lapsed';

-- When somebody of the organisation said that all of its entry is still right, and who; NULL: never.
ALTER TABLE constituency_organisation ADD COLUMN confirmed_at {time};
ALTER TABLE constituency_organisation ADD COLUMN confirmed_by {int} NOT NULL DEFAULT 0;

-- What an organisation answers for has a beginning and an end; nothing that was true once is deleted, so that "who answered for it then" has an answer.
ALTER TABLE constituency_asset ADD COLUMN since {time};
ALTER TABLE constituency_asset ADD COLUMN until {time};
ALTER TABLE constituency_asset ADD COLUMN ended_why {text} NOT NULL DEFAULT '';
DROP INDEX constituency_asset_organisation;
CREATE INDEX constituency_asset_organisation ON constituency_asset (organisation, kind, value);

-- One row at most: it changes with every asset, so that a process that holds all of them in memory knows when to read again.
CREATE TABLE constituency_version (
  id {int} PRIMARY KEY,
  assets {int} NOT NULL
);

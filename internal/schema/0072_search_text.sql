-- Words of texts that are never edited: what is new, a row for each text; then blocks, written once from their beginning to their end.
CREATE TABLE search_recent (
  object {int} NOT NULL PRIMARY KEY,
  tokens {blob} NOT NULL
);
-- State: 1 is being written, 2 is read, 3 was replaced or given up and its pages go. Low and high are the first and the last object in it.
CREATE TABLE search_block (
  id {id},
  state {int} NOT NULL,
  level {int} NOT NULL,
  bits {int} NOT NULL,
  low {int} NOT NULL,
  high {int} NOT NULL,
  objects {int} NOT NULL,
  size {int} NOT NULL DEFAULT 0,
  version {int} NOT NULL DEFAULT 0,
  ended_at {time}
);
-- The page of a token in a block is its first bits; the id is the block and, in the last 20 bits, the page.
CREATE TABLE search_page (
  id {int} NOT NULL PRIMARY KEY,
  words {blob} NOT NULL
);
-- {postgres}
ALTER TABLE search_recent ALTER COLUMN tokens SET STORAGE EXTERNAL;
ALTER TABLE search_page ALTER COLUMN words SET STORAGE EXTERNAL;
-- {end}
-- What was there before this index: its objects below this one are still to be taken in, the newest first.
CREATE TABLE search_backlog (
  kind {int} NOT NULL PRIMARY KEY,
  below {int} NOT NULL
);
INSERT INTO search_backlog (kind, below) SELECT 1, MAX(id) + 1 FROM intake_report HAVING COUNT(*) > 0;

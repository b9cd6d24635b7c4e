-- For how many days a measure holds once it is done, and after how many we check it again once it is verified; 0 for ever and never.
ALTER TABLE coordination_measure ADD COLUMN valid_days {int} NOT NULL DEFAULT 0;
ALTER TABLE coordination_measure ADD COLUMN check_days {int} NOT NULL DEFAULT 0;
ALTER TABLE coordination_measure ADD COLUMN valid_until {time};
ALTER TABLE coordination_measure ADD COLUMN check_at {time};

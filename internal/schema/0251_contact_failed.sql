-- When a letter to the address of a contact came back, or was refused for good; NULL once the address was proved or changed.
ALTER TABLE constituency_contact ADD COLUMN failed_at {time};
ALTER TABLE constituency_contact ADD COLUMN failed_how {text} NOT NULL DEFAULT '';
CREATE INDEX constituency_contact_failed ON constituency_contact (failed_at, id) WHERE failed_at IS NOT NULL;
-- Who provides an organisation's connection or hosting: another organisation, 0 for none that is named.
ALTER TABLE constituency_organisation ADD COLUMN provider {int} NOT NULL DEFAULT 0;

-- When the key directory of a contact's domain was asked last for its key; NULL before.
ALTER TABLE constituency_contact ADD COLUMN looked_at {time};

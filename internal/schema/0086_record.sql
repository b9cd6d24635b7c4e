-- A checkpoint is never changed or deleted, and details of the record are erased or stay as they were written.
-- {sqlite}
-- +goose StatementBegin
CREATE TRIGGER audit_checkpoint_kept BEFORE UPDATE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'audit checkpoints are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_checkpoint_stays BEFORE DELETE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'audit checkpoints are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_detail_kept BEFORE UPDATE ON audit_detail BEGIN SELECT RAISE(ABORT, 'audit details are never changed'); END;
-- +goose StatementEnd
-- {end}
-- {postgres}
CREATE TRIGGER audit_checkpoint_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();
CREATE TRIGGER audit_detail_kept BEFORE UPDATE OR TRUNCATE ON audit_detail FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();
-- {end}

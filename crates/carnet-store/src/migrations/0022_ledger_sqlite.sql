CREATE TRIGGER ledger_entries_do_not_change BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_entries_do_not_go BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_checkpoints_do_not_change BEFORE UPDATE ON ledger_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_checkpoints_do_not_go BEFORE DELETE ON ledger_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_keys_do_not_change BEFORE UPDATE ON ledger_keys
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_keys_do_not_go BEFORE DELETE ON ledger_keys
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- INSERT OR REPLACE fires no trigger of DELETE unless the connection asks for that.
CREATE TRIGGER ledger_entries_are_not_replaced BEFORE INSERT ON ledger_entries
WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE chain = NEW.chain AND sequence = NEW.sequence)
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_checkpoints_are_not_replaced BEFORE INSERT ON ledger_checkpoints
WHEN EXISTS (SELECT 1 FROM ledger_checkpoints WHERE chain = NEW.chain AND sequence = NEW.sequence)
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_keys_are_not_replaced BEFORE INSERT ON ledger_keys
WHEN EXISTS (SELECT 1 FROM ledger_keys WHERE kid = NEW.kid AND jwk <> NEW.jwk)
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_heads_do_not_go BEFORE DELETE ON ledger_heads
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_heads_do_not_go_back BEFORE UPDATE ON ledger_heads
WHEN NEW.sequence < OLD.sequence OR NEW.checkpoint_sequence < OLD.checkpoint_sequence OR NEW.chain <> OLD.chain
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_seals_do_not_go BEFORE DELETE ON ledger_seals
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

-- What the service may do, run after every migration; the setting agent.role names the role that it connects as.
DO $$
DECLARE
  role text := current_setting('agent.role');
BEGIN
  -- The owner of the tables needs no grant.
  IF role IN ('', current_user) THEN
    RETURN;
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
  EXECUTE format('GRANT SELECT ON schema_versions TO %I', role);
  EXECUTE format(
    'GRANT SELECT, INSERT, UPDATE, DELETE ON '
    'sessions, session_messages, notes, runs, run_events, idempotency_keys, spending TO %I', role);
  EXECUTE format('REVOKE ALL ON audit_entries FROM %I', role);
  EXECUTE format('GRANT SELECT, INSERT ON audit_entries TO %I', role);
END $$;

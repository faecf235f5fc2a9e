-- What the service keeps. Content is text in a form of the service's own, possibly encrypted; everything that is asked
-- for or counted has a column beside it. A migration must leave the previous version of the service working.

-- A session that was erased stays as a tombstone: nothing may be added to it.
CREATE TABLE sessions (
  tenant text NOT NULL,
  id text NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  erased_at timestamptz,
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE INDEX sessions_idle ON sessions (changed_at) WHERE erased_at IS NULL;

CREATE TABLE session_messages (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  session_id text NOT NULL,
  content text NOT NULL,
  FOREIGN KEY (tenant, session_id) REFERENCES sessions
);
CREATE INDEX session_messages_session ON session_messages (tenant, session_id, position);

CREATE TABLE notes (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  session_id text NOT NULL,
  created_at timestamptz NOT NULL,
  content text NOT NULL,
  FOREIGN KEY (tenant, session_id) REFERENCES sessions
);
CREATE INDEX notes_session ON notes (tenant, session_id, position);

CREATE TABLE runs (
  id text PRIMARY KEY,
  tenant text NOT NULL,
  session_id text NOT NULL,
  status text NOT NULL,
  classification text,
  consent_id text,
  created_at timestamptz NOT NULL,
  cancel_requested boolean NOT NULL DEFAULT false,
  content text NOT NULL,
  FOREIGN KEY (tenant, session_id) REFERENCES sessions
) WITH (fillfactor = 80);
CREATE INDEX runs_session ON runs (tenant, session_id);
CREATE INDEX runs_consent ON runs (tenant, consent_id) WHERE consent_id IS NOT NULL;

CREATE TABLE run_events (
  run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
  id integer NOT NULL,
  content text NOT NULL,
  PRIMARY KEY (run_id, id)
);

CREATE TABLE idempotency_keys (
  tenant text NOT NULL,
  key text NOT NULL,
  body_hash text NOT NULL,
  run_id text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX idempotency_keys_run ON idempotency_keys (run_id);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- Few rows that change often: room beside each keeps its changes off the index.
CREATE TABLE spending (
  scope text NOT NULL,
  period text NOT NULL,
  nano_dollars bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, period)
) WITH (fillfactor = 20);

-- Adds an amount to every one of these periods, or to none if one would go over its limit: `exceeded` counts from 1.
CREATE FUNCTION add_spending(
  amount bigint, scopes text[], periods text[], limits bigint[], OUT exceeded integer, OUT totals bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO spending (scope, period)
    SELECT DISTINCT * FROM unnest(scopes, periods) ORDER BY 1, 2 ON CONFLICT DO NOTHING;
  -- Locked in one order, so that no two callers wait for each other.
  PERFORM FROM spending WHERE (scope, period) IN (SELECT * FROM unnest(scopes, periods))
    ORDER BY scope, period FOR UPDATE;
  SELECT min(asked.position) FILTER (WHERE amount > 0 AND nano_dollars + amount > asked.most),
      array_agg(nano_dollars ORDER BY asked.position)
    INTO exceeded, totals
    FROM unnest(scopes, periods, limits) WITH ORDINALITY AS asked (scope, period, most, position)
    JOIN spending USING (scope, period);
  IF exceeded IS NULL THEN
    UPDATE spending SET nano_dollars = greatest(0, nano_dollars + amount)
      WHERE (scope, period) IN (SELECT * FROM unnest(scopes, periods));
    totals := ARRAY(
      SELECT greatest(0, total + amount) FROM unnest(totals) WITH ORDINALITY AS each (total, position) ORDER BY position
    );
  END IF;
END $$;

-- The line is the entry byte for byte; the other columns repeat what is in it.
CREATE TABLE audit_entries (
  chain text NOT NULL,
  seq bigint NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  hash text NOT NULL,
  line text NOT NULL,
  PRIMARY KEY (chain, seq)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit entries are never changed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries FROM CURRENT_USER;

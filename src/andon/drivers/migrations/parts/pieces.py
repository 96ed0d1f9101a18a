"""Functions that make and drop pieces of PostgreSQL's tables for a role that owns nothing.

They run as the owner, look names up in Andon's schema alone, and decide by the server's clock.
`andon migrate` takes them from everybody and gives those of `GRANTED` to the service's role.
"""

from __future__ import annotations

from alembic import op

from andon.drivers.database.generations import CLAIMS, PIECES

# Attached and not made as a part: that would lock out whoever reads or writes the whole.
_MAKE_PIECE = f"""
CREATE FUNCTION andon_make_piece(whole text, piece text, bounds text) RETURNS boolean
LANGUAGE plpgsql SET search_path = {{schema}}, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({PIECES}, 0);
    IF to_regclass(format('%I.%I', current_schema(), piece)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE)', piece, whole);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', piece);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES %s', whole, piece, bounds);
    RETURN true;
END $$
"""

_MONTH_NAME = """
CREATE FUNCTION andon_usage_month_name(month integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = {schema}, pg_temp AS $$
    SELECT format('usage_%s_%s', lpad((month / 12)::text, 4, '0'),
                  lpad((month % 12 + 1)::text, 2, '0'))
$$
"""

_THIS_MONTH = (
    "extract(year FROM clock_timestamp() AT TIME ZONE 'UTC')::integer * 12"
    " + extract(month FROM clock_timestamp() AT TIME ZONE 'UTC')::integer - 1"
)

_MAKE_MONTH = f"""
CREATE FUNCTION andon_make_usage_month(month integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp
SET lock_timeout = '5s' AS $$
DECLARE
    this_month integer := {_THIS_MONTH};
BEGIN
    IF month < this_month - 1 OR month > this_month + 24 THEN
        RAISE EXCEPTION 'usage is kept by the month of receipt, which is now %, not %',
            this_month, month;
    END IF;
    RETURN andon_make_piece('usage', andon_usage_month_name(month),
                            format('FROM (%s) TO (%s)', month, month + 1));
END $$
"""

_DROP_MONTH = f"""
CREATE FUNCTION andon_drop_usage_month(month integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp
SET lock_timeout = '2s' AS $$
DECLARE
    this_month integer := {_THIS_MONTH};
    piece text := andon_usage_month_name(month);
BEGIN
    IF month >= this_month - 1 THEN
        RAISE EXCEPTION 'usage received in this month or in the one before it is kept';
    END IF;
    PERFORM pg_advisory_xact_lock({PIECES}, 0);
    IF to_regclass(format('%I.%I', current_schema(), piece)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %I', piece);
    RETURN true;
END $$
"""

# Whoever claims keys holds the lock of its slot in shared mode to its end: when all locks are
# held here, no claim is under way, and those that follow see the new generation and all keys.
_BEGIN_GENERATION = f"""
CREATE FUNCTION andon_begin_key_generation(days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp
SET lock_timeout = '2s' AS $$
DECLARE
    today integer := floor(extract(epoch FROM clock_timestamp()) / 86400);
    newest integer;
BEGIN
    PERFORM pg_advisory_xact_lock({CLAIMS}, s.slot)
        FROM (SELECT slot FROM slots ORDER BY slot) AS s;
    SELECT max(generation) INTO newest FROM usage_generations;
    IF days < 1 OR newest IS NOT NULL AND today < newest + days THEN
        RETURN NULL;
    END IF;
    PERFORM andon_make_piece('usage_keys', format('usage_keys_%s', today),
                             format('IN (%s)', today));
    INSERT INTO usage_generations VALUES (today);
    RETURN today;
END $$
"""

_DROP_GENERATION = f"""
CREATE FUNCTION andon_drop_key_generation(dropped integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp
SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({PIECES}, 0);
    IF dropped >= (SELECT max(generation) FROM usage_generations) THEN
        RAISE EXCEPTION 'the newest generation of dedupe keys is in use';
    END IF;
    DELETE FROM usage_generations WHERE generation = dropped;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %I', format('usage_keys_%s', dropped));
    RETURN true;
END $$
"""

_EMPTY_AUDIT = """
CREATE FUNCTION andon_empty_audit(erased integer, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    emptied integer;
    erased_id text;
BEGIN
    SELECT id INTO erased_id FROM tenants WHERE tenant = erased AND erase_us IS NOT NULL;
    IF erased_id IS NULL THEN
        RAISE EXCEPTION 'what the audit tells is emptied for a tenant that is being erased';
    END IF;
    UPDATE audit_changes a SET before = NULL, after = NULL FROM (
        SELECT tenant, id FROM audit_changes
        WHERE (before IS NOT NULL OR after IS NOT NULL) AND (
            tenant = erased
            OR tenant = (SELECT tenant FROM tenants WHERE id = 'default') AND (
                object_id = erased_id OR object_id IN (
                    SELECT object_id FROM audit_changes WHERE tenant = erased)))
        LIMIT most) AS found
    WHERE a.tenant = found.tenant AND a.id = found.id;
    GET DIAGNOSTICS emptied = ROW_COUNT;
    RETURN emptied;
END $$
"""


def make_pieces() -> None:
    """Make the functions, and the piece for keys that are kept for good."""
    run = op.get_bind().exec_driver_sql
    schema = str(run("SELECT quote_ident(current_schema())").scalar_one())
    for statement in (
        _MAKE_PIECE,
        _MONTH_NAME,
        _MAKE_MONTH,
        _DROP_MONTH,
        _BEGIN_GENERATION,
        _DROP_GENERATION,
        _EMPTY_AUDIT,
    ):
        # The driver takes a percent sign for a parameter's.
        run(statement.format(schema=schema).replace("%", "%%"), ())
    run("SELECT andon_make_piece('usage_keys', 'usage_keys_kept', 'IN (-1)')")

"""Applies approved Synapsor changes in your PostgreSQL database: each of them once, or visibly not.

Your code is one function per capability. Everything before and after it is here, in the order in which it happens: who asks,
is it fresh, what does it ask for, has it been done before, is the row still the one that was approved. Then your function
runs, in the same transaction as the receipt.

This file is yours: read it from top to bottom, keep it, change it. `synapsor-runner handler conformance` says whether it
still keeps the contract. Python 3.11 or newer, psycopg 3.
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

log = logging.getLogger("synapsor")

MAX_BODY = 1 << 20
MAX_DEPTH = 32
MAX_EXACT = 2**53

Rows = psycopg.Cursor[dict[str, Any]]


# ---------------------------------------------------------------------------------------------------------------------------
# What is answered


@dataclass
class Answer:
    """A status and a receipt. Nothing was changed unless it says so."""

    http: int
    status: str
    code: str | None = None
    rows: int = 0
    previous: Any = None
    new: Any = None
    details: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def receipt(self) -> dict[str, Any]:
        receipt = {
            "status": self.status,
            "rows_affected": self.rows,
            "source_database_mutated": self.rows > 0,
            "safe_error_code": self.code,
        }
        if self.previous is not None:
            receipt["previous_version"] = self.previous
        if self.new is not None:
            receipt["new_version"] = self.new
        if self.details:
            receipt["details"] = self.details
        return receipt

    def body(self) -> bytes:
        return (json.dumps(self.receipt(), indent=2) + "\n").encode()

    def all_headers(self) -> dict[str, str]:
        return {"content-type": "application/json; charset=utf-8", "cache-control": "no-store", **self.headers}


class Refused(Exception):
    """A request that nothing was done with: its status and code are the whole answer."""

    def __init__(self, http: int, code: str, why: str, headers: dict[str, str] | None = None):
        super().__init__(f"{code}: {why}")
        self.answer = Answer(http, "failed", code, headers=headers or {})


class Refuse(Exception):
    """Raise this in an effect to refuse a change. The reason is told to whoever reads the receipt; everything is rolled back."""


class Ended(Exception):
    """The effect ended our transaction: nobody knows what of it was committed."""


# ---------------------------------------------------------------------------------------------------------------------------
# Who asks, and when


class Signatures:
    """Verifies Standard Webhooks' signature and the older one over the raw body. Each that is there must verify; one must be."""

    def __init__(self, secrets: Iterable[str], tolerance: timedelta):
        self.keys = [(webhook_key(secret), secret.encode()) for secret in secrets if secret]
        self.tolerance = tolerance

    def verify(self, headers: "Headers", body: bytes) -> datetime | None:
        """The moment that Standard Webhooks' signature covers, if that scheme is there."""
        moment = self.verify_webhooks(headers, body)
        older = headers.one("x-synapsor-signature")
        if older is not None:
            expected = [b"sha256=" + hmac.digest(whole, body, "sha256").hex().encode() for _, whole in self.keys]
            if not matches(expected, [older.encode("latin-1")]):
                raise Refused(401, "INVALID_SIGNATURE", "the older signature does not verify")
        if moment is None and older is None:
            raise Refused(401, "INVALID_SIGNATURE", "the request is not signed")
        return moment

    def verify_webhooks(self, headers: "Headers", body: bytes) -> datetime | None:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        id, timestamp, signatures = (headers.one(name) for name in names)
        if id is None and timestamp is None and signatures is None:
            return None
        if id is None or timestamp is None or signatures is None or not re.fullmatch(r"[0-9]{1,12}", timestamp):
            raise Refused(401, "INVALID_SIGNATURE", "half of a scheme is no scheme")
        parts = signatures.split(" ")
        if len(parts) > 16 or len(signatures) > 4096:
            raise Refused(401, "INVALID_SIGNATURE", "too many signatures")
        signed = f"{id}.{timestamp}.".encode("latin-1") + body
        expected = [b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256")) for key, _ in self.keys]
        if not matches(expected, [part.encode("latin-1") for part in parts]):
            raise Refused(401, "INVALID_SIGNATURE", "no signature verifies")
        return datetime.fromtimestamp(int(timestamp), UTC)

    def check_fresh(self, headers: "Headers", moment: datetime | None, issued_at: Any) -> None:
        """Believes only what is signed: the timestamp of Standard Webhooks, and `issued_at` inside the body."""
        header = headers.one("x-synapsor-issued-at")
        if header is not None and header != issued_at:
            raise Refused(401, "INVALID_ISSUED_AT", "the header names another moment than the signed body")
        if header is None and headers.one("x-synapsor-signature") is not None:
            raise Refused(401, "INVALID_ISSUED_AT", "the older scheme needs its moment")
        moments = [] if moment is None else [moment]
        if issued_at is not None:
            moments.append(parsed_moment(issued_at))
        now = datetime.now(UTC)
        if any(abs(now - moment) > self.tolerance for moment in moments):
            raise Refused(401, "INVALID_ISSUED_AT", "the request was sent too far from now")


def webhook_key(secret: str) -> bytes:
    """Of `whsec_...` the base64 behind it, of any other secret its bytes."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    encoded = secret.removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("the signing secret begins with `whsec_`, and no base64 follows") from error


def matches(expected: list[bytes], given: list[bytes]) -> bool:
    """Whether any is equal to any other, in a time that does not depend on which."""
    found = False
    for one in expected:
        for other in given:
            found |= hmac.compare_digest(one, other)
    return found


def parsed_moment(text: Any) -> datetime:
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
    try:
        if isinstance(text, str) and re.fullmatch(form, text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    raise Refused(401, "INVALID_ISSUED_AT", "`issued_at` is no moment")


class Headers:
    """The headers of a request. One that decides something may stand there once."""

    def __init__(self, pairs: Iterable[tuple[str, str]]):
        self.pairs = [(name.lower(), value) for name, value in pairs]

    def one(self, name: str) -> str | None:
        values = [value for held, value in self.pairs if held == name]
        if len(values) > 1:
            raise Refused(400, "BAD_WRITEBACK_REQUEST", f"`{name}` stands there twice")
        return values[0] if values else None


# ---------------------------------------------------------------------------------------------------------------------------
# What is asked for


def strict_json(body: bytes) -> Any:
    """JSON that every reader understands in the same way."""
    try:
        value = json.loads(
            body.decode("utf-8") or "{}",
            object_pairs_hook=members_once,
            parse_int=exact_integer,
            parse_float=exact_number,
            parse_constant=no_constant,
        )
        check_value(value, 1)
        return value
    except (ValueError, RecursionError) as error:
        raise Refused(400, "BAD_JSON", "the body is not JSON that may be read") from error


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member stands there twice")
    return dict(pairs)


def exact_integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_EXACT:
        raise ValueError("a number that not every reader holds exactly")
    return int(text)


def exact_number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")) or len(text) > 32:
        raise ValueError("a number that not every reader holds exactly")
    return number


def no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def check_value(value: Any, depth: int) -> None:
    if isinstance(value, str):
        value.encode("utf-8")  # half of a surrogate pair is no text
        if "\0" in value:
            raise ValueError("a NUL")
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise ValueError("too deep")
        for member in value.items() if isinstance(value, dict) else enumerate(value):
            check_value(member[0], depth)
            check_value(member[1], depth + 1)


def bad_request(why: str) -> Refused:
    return Refused(400, "BAD_WRITEBACK_REQUEST", why)


def need(condition: Any, why: str) -> None:
    if not condition:
        raise bad_request(why)


def object_of(value: Any, name: str) -> dict[str, Any]:
    need(value is None or isinstance(value, dict), f"`{name}` is no object")
    return value or {}


def text_of(value: Any) -> str:
    """A scalar as it is compared and bound."""
    need(isinstance(value, str | int | float) and not isinstance(value, bool), "a key, a tenant or a version is no value")
    return value if isinstance(value, str) else json.dumps(value)


def agreed(name: str, *said: Any) -> Any:
    """What a request says in one place or in several, where it must say the same."""
    values = [value for value in said if value not in (None, {}, [])]
    need(len({json.dumps(value, sort_keys=True) for value in values}) <= 1, f"`{name}` is said twice, and differently")
    return values[0] if values else None


def named(value: Any, name: str) -> str:
    need(isinstance(value, str) and value, f"`{name}` is missing")
    return value


@dataclass
class Order:
    """One approved change, whichever of the two forms it came in."""

    proposal_id: str
    operation_id: str
    proposal_hash: str
    given_hash: str | None
    job_id: str
    attempt: int
    action: str
    dry_run: bool
    # Schema, table, key's column, tenant's column, version's column.
    place: tuple[str | None, str, str, str, str]
    tenant: str
    key: str
    version: str
    version_advance: str
    patch: dict[str, Any]
    before: dict[str, Any]
    principal: str
    approver: str | None


def read_order(body: Any) -> Order:
    """Reads both forms at once: the members at the top, and those in `change_set`."""
    need(isinstance(body, dict), "the body is no object")
    for name, spoken in (("protocol_version", "1.0"), ("schema_version", "synapsor.handler-writeback.v1")):
        if body.get(name) not in (None, spoken):
            raise Refused(400, "UNSUPPORTED_PROTOCOL_VERSION", f"another `{name}`")
    change = object_of(body.get("change_set"), "change_set")
    guards, nested = object_of(body.get("guards"), "guards"), object_of(change.get("guards"), "change_set.guards")

    def both(name: str) -> dict[str, Any]:
        return object_of(agreed(name, body.get(name), change.get(name)), name)

    scope, target, patch, principal = both("scope"), both("target"), both("patch"), both("principal")
    key = object_of(target.get("primary_key"), "target.primary_key")
    tenant = object_of(agreed("tenant", body.get("tenant_guard"), guards.get("tenant"), nested.get("tenant")), "tenant")
    said = agreed("expected_version", guards.get("expected_version"), nested.get("expected_version"))
    expected = object_of(said, "expected_version")
    place = (
        target.get("schema"),
        named(target.get("table"), "target.table"),
        named(key.get("column"), "target.primary_key.column"),
        named(tenant.get("column"), "guards.tenant.column"),
        named(expected.get("column"), "guards.expected_version.column"),
    )
    key_value, tenant_value = text_of(key.get("value", scope.get("object_id"))), text_of(tenant.get("value"))
    need(scope.get("object_id") in (None, key_value), "`scope.object_id` is not the key")
    need(scope.get("tenant_id") in (None, tenant_value), "`scope.tenant_id` is not the guarded tenant")
    check_patch(patch, place, [body.get("allowed_columns"), guards.get("allowed_columns")])
    action = named(agreed("action", body.get("action"), change.get("action")), "action")
    proposal_id, operation_id = (
        named(body.get("proposal_id"), "proposal_id"),
        named(body.get("idempotency_key"), "idempotency_key"),
    )
    need(len(proposal_id) <= 512 and re.fullmatch(r"[!-~]{1,255}", operation_id), "an id is too long, or no id")
    attempt, dry_run, given_hash = body.get("attempt", 1), body.get("dry_run", False), body.get("proposal_hash")
    need(type(attempt) is int and 1 <= attempt < 2**32, "`attempt` counts from 1")
    need(isinstance(dry_run, bool), "`dry_run` is neither true nor false")
    need(given_hash is None or named(given_hash, "proposal_hash").startswith("sha256:"), "`proposal_hash` is no hash")
    content = json.dumps([action, target, tenant, expected, patch], sort_keys=True).encode()
    return Order(
        proposal_id=proposal_id,
        operation_id=operation_id,
        proposal_hash=given_hash or "sha256:" + hashlib.sha256(content).hexdigest(),
        given_hash=given_hash,
        job_id=str(body.get("writeback_job_id") or f"hwb_{proposal_id}"),
        attempt=attempt,
        action=action,
        dry_run=dry_run,
        place=place,
        tenant=tenant_value,
        key=key_value,
        version=text_of(expected.get("value")),
        version_advance=body.get("version_advance") or "auto",
        patch=patch,
        before=object_of(body.get("before"), "before"),
        principal=str(principal.get("id") or body.get("runner_hint") or "approved_operator"),
        approver=object_of(body.get("approval"), "approval").get("approved_by"),
    )


def check_patch(patch: dict[str, Any], place: tuple[Any, ...], allowed: list[Any]) -> None:
    """What was reviewed: scalars in allowed columns, and neither the key nor the tenant."""
    need(patch, "the patch changes nothing")
    scalars = all(value is None or isinstance(value, str | int | float) for value in patch.values())
    need(scalars, "the patch has a value that is none")
    need(not {place[2], place[3]} & set(patch), "the patch has the key or the tenant")
    for columns in allowed:
        within = isinstance(columns, list) and all(column in columns for column in patch)
        need(not columns or within, "the patch goes beyond the review")


def check_ids(headers: Headers, order: Order) -> None:
    """A header that names the request must name the request inside the body."""
    inside = {
        "webhook-id": order.operation_id,
        "idempotency-key": order.operation_id,
        "x-synapsor-proposal-id": order.proposal_id,
        "x-synapsor-proposal-hash": order.given_hash,
    }
    for name, value in inside.items():
        need(headers.one(name) in (None, value), f"`{name}` is another one than in the body")


# ---------------------------------------------------------------------------------------------------------------------------
# What your code sees


@dataclass(frozen=True)
class Table:
    """The table whose rows requests may name, and how a row is found in it. A request that names another one is refused."""

    name: str
    key: str
    tenant: str
    version: str
    schema: str = "public"

    def quoted(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True)
class Job:
    """One approved change. Everything in it was authenticated; the row is locked and still the version that was approved."""

    proposal_id: str
    operation_id: str
    attempt: int
    action: str
    tenant_id: str
    object_id: str
    principal: str
    approver: str | None
    patch: dict[str, Any]
    before: dict[str, Any]
    row: dict[str, Any]
    is_rehearsal: bool

    def integer(self, name: str) -> int:
        """A whole number of the patch; anything else is refused."""
        value = self.patch.get(name)
        if type(value) is not int:
            raise Refuse(f"`{name}` of the patch is no integer")
        return value

    def text(self, name: str) -> str:
        """A text of the patch; anything else is refused."""
        value = self.patch.get(name)
        if not isinstance(value, str):
            raise Refuse(f"`{name}` of the patch is no text")
        return value


class Transaction:
    """The transaction of the receipt. What you do in it happens together with the receipt, or not at all."""

    def __init__(self, cursor: Rows):
        self._cursor = cursor
        self.rows = 0

    def execute(self, statement: str, values: Iterable[Any] = ()) -> int:
        """Runs one statement with bound values; how many rows it changed. The tenant is your affair: name it in every WHERE."""
        self._cursor.execute(statement, tuple(values))
        changed = max(self._cursor.rowcount, 0) if self._cursor.description is None else 0
        self.rows += changed
        return changed

    def query(self, statement: str, values: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """The rows of one query."""
        self._cursor.execute(statement, tuple(values))
        return self._cursor.fetchall()


Effect = Callable[[Job, Transaction], list[str] | None]


# ---------------------------------------------------------------------------------------------------------------------------
# The guarded transaction


RECEIPTS = """
create table if not exists synapsor_handler_receipts (
    operation_id text collate "C" primary key, job_id text not null, proposal_id text not null, proposal_hash text not null,
    attempt bigint not null, action text not null, status text not null, receipt_json text,
    created_at timestamptz not null default now(), completed_at timestamptz)
"""

CLAIM = """
insert into synapsor_handler_receipts (operation_id, job_id, proposal_id, proposal_hash, attempt, action, status)
values (%(operation_id)s, %(job_id)s, %(proposal_id)s, %(proposal_hash)s, %(attempt)s, %(action)s, %(status)s)
on conflict (operation_id) do nothing
"""

NEXT_VERSION = {
    "smallint": "{version} + 1",
    "integer": "{version} + 1",
    "bigint": "{version} + 1",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "greatest(clock_timestamp(), {version} + interval '1 microsecond')",
    "timestamp without time zone": "greatest(clock_timestamp() at time zone 'UTC', {version} + interval '1 microsecond')",
}


class Handler:
    """Answers requests. Give it a token and signing secrets: without either, anybody who reaches it can change rows."""

    def __init__(
        self,
        database: str,
        table: Table,
        *,
        token: str = "",
        secrets: Iterable[str] = (),
        tolerance: timedelta = timedelta(minutes=5),
        connections: int = 10,
    ):
        self.table = table
        self.token = token.encode()
        self.signatures = Signatures(secrets, tolerance)
        self.effects: dict[str, tuple[Effect, bool]] = {}
        # A connection that the server has closed meanwhile is found out before it is used.
        check = ConnectionPool.check_connection
        self.pool = ConnectionPool(
            database, min_size=0, max_size=connections, timeout=10, open=False, configure=pinned, check=check
        )

    def effect(self, action: str, rehearsable: bool = False) -> Callable[[Effect], Effect]:
        """Registers the business change of a capability. A rehearsable one does nothing outside its transaction."""

        def register(effect: Effect) -> Effect:
            self.effects[action] = (effect, rehearsable)
            return effect

        return register

    def open(self) -> None:
        """Call this before the first request. An account that may not create tables needs the receipt table to be there."""
        self.pool.open()
        with self.pool.connection() as connection:
            found = connection.execute("select to_regclass('synapsor_handler_receipts')").fetchone()
            if found is None or found[0] is None:
                connection.execute(RECEIPTS)

    def close(self) -> None:
        self.pool.close()

    def check_head(self, method: str, headers: Headers) -> None:
        """What can be said before the body is read."""
        if method not in ("POST", "PUT", "PATCH"):
            raise Refused(405, "METHOD_NOT_ALLOWED", "another method", {"allow": "POST, PUT, PATCH"})
        if self.token:
            scheme, _, given = (headers.one("authorization") or "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), self.token):
                raise Refused(401, "UNAUTHORIZED", "the token is missing or another one", {"www-authenticate": "Bearer"})

    def answer(self, headers: Headers, body: bytes) -> Answer:
        """The whole way of a request whose head was checked."""
        moment = self.signatures.verify(headers, body) if self.signatures.keys else None
        request = strict_json(body)
        if self.signatures.keys:
            self.signatures.check_fresh(headers, moment, request.get("issued_at") if isinstance(request, dict) else None)
        order = read_order(request)
        check_ids(headers, order)
        return self.carry_out(order)

    def carry_out(self, order: Order) -> Answer:
        """Does what an order says, if it is for this handler."""
        effect, rehearsable = self.effects.get(order.action, (None, False))
        if effect is None:
            raise Refused(400, "UNSUPPORTED_ACTION", "no effect of that name")
        if order.dry_run and not rehearsable:
            raise Refused(400, "DRY_RUN_UNSUPPORTED", "this effect is not rehearsed")
        table = self.table
        here = (table.schema, table.name, table.key, table.tenant, table.version)
        need((order.place[0] or table.schema, *order.place[1:]) == here, "a row outside the declared table")
        answer = self.run(order, effect)
        answer.headers["idempotency-key"] = order.operation_id
        if order.given_hash:
            answer.headers["x-synapsor-proposal-hash"] = order.given_hash
        log.info("%s attempt %s: %s %s", order.proposal_id, order.attempt, answer.status, answer.code or "")
        return answer

    def run(self, order: Order, effect: Effect) -> Answer:
        """One transaction, and what is known after it."""
        committing = False
        try:
            with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                try:
                    answer = self.guarded(cursor, order, effect)
                    if order.dry_run or answer.status in {"failed", "already_applied"}:
                        connection.rollback()
                    else:
                        committing = True
                        self.commit(connection)
                    return answer
                except BaseException:
                    if not connection.closed:
                        connection.rollback()
                    raise
        except Refused:
            raise
        except Ended:
            log.exception("%s: the effect ended the transaction; the outcome is not known", order.proposal_id)
            return self.unknown(order)
        except psycopg.DataError as error:
            raise bad_request("a key, a tenant or a version is no value of its column") from error
        except PoolTimeout:
            # No connection: nothing was begun that could still go on.
            log.exception("%s: no connection to the database", order.proposal_id)
            return Answer(503, "failed", "DATABASE_UNAVAILABLE", headers={"retry-after": "1"})
        except psycopg.Error:
            log.exception("%s: the transaction failed", order.proposal_id)
            if committing:
                # The next attempt finds out: by the receipt, or because there is none.
                return Answer(500, "failed", "HANDLER_EXCEPTION")
            return self.closed(order, Answer(503, "failed", "TRANSACTION_FAILED", headers={"retry-after": "1"}))
        except Failed as failed:
            return self.closed(order, failed.answer)

    def commit(self, connection: psycopg.Connection) -> None:
        """An error reply says that it did not happen; after anything else nobody knows."""
        try:
            connection.commit()
        except psycopg.Error as error:
            if error.diag.severity_nonlocalized != "ERROR":
                raise
            log.exception("the database refused the commit")
            raise Failed(500, "TRANSACTION_FAILED") from error

    def guarded(self, cursor: Rows, order: Order, effect: Effect) -> Answer:
        """Claim, lock, compare, effect, receipt: everything but the commit."""
        cursor.execute(CLAIM, {**vars(order), "status": "in_progress"})
        if cursor.rowcount == 0 and (known := self.known(cursor, order)):
            return known
        row = self.locked(cursor, order)
        if row is None:
            return self.kept(cursor, order, Answer(200, "conflict", "ROW_NOT_FOUND_OR_WRONG_TENANT"))
        before = canonical(row.pop("synapsor_version"), row["synapsor_type"])
        if not row.pop("synapsor_same"):
            return self.kept(cursor, order, Answer(200, "conflict", "ROW_CHANGED_AFTER_PROPOSAL", previous=before))
        type = row.pop("synapsor_type")
        names, changed = self.applied(cursor, order, effect, row)
        after = self.moved(cursor, order, before, type)
        if order.dry_run:
            cursor.execute("set constraints all immediate")
            return Answer(200, "applied", previous=before, new=after, details={"effects": names, "dry_run": True})
        answer = Answer(200, "applied", None, max(changed, 1), before, after, {"effects": names} if names else {})
        return self.kept(cursor, order, answer)

    def known(self, cursor: Rows, order: Order) -> Answer | None:
        """What an earlier attempt left; nothing if this one may go on."""
        cursor.execute("select * from synapsor_handler_receipts where operation_id = %s for update", (order.operation_id,))
        held = cursor.fetchone()
        if held is None:
            return Answer(500, "failed", "HANDLER_EXCEPTION")
        if held["proposal_hash"] != order.proposal_hash:
            return Answer(409, "failed", "IDEMPOTENCY_KEY_REUSED")
        if held["status"] == "tombstone" and held["attempt"] < order.attempt:
            cursor.execute(
                "update synapsor_handler_receipts set status = 'in_progress', attempt = %s where operation_id = %s",
                (order.attempt, order.operation_id),
            )
            return None
        if held["status"] == "tombstone":
            return Answer(409, "failed", "FENCED")
        if held["status"] not in ("applied", "conflict"):
            return Answer(500, "failed", "HANDLER_EXCEPTION")
        receipt = json.loads(held["receipt_json"])
        status = "already_applied" if held["status"] == "applied" else "conflict"
        return Answer(
            200,
            status,
            receipt.get("safe_error_code"),
            previous=receipt.get("previous_version"),
            new=receipt.get("new_version"),
            details=receipt.get("details", {}),
        )

    def locked(self, cursor: Rows, order: Order) -> dict[str, Any] | None:
        """The row, by key and tenant, locked. Both are compared once more as text: a collation may call other values equal."""
        columns = {name: sql.Identifier("t", getattr(self.table, name)) for name in ("key", "tenant", "version")}
        query = sql.SQL(
            "select t.*, {key}::text as synapsor_key, {tenant}::text as synapsor_tenant, {version}::text as synapsor_version,"
            " pg_typeof({version})::text as synapsor_type, coalesce({version} = %s, false) as synapsor_same"
            " from {table} as t where {key} = %s and {tenant} = %s for update"
        )
        cursor.execute(query.format(table=self.table.quoted(), **columns), (order.version, order.key, order.tenant))
        rows = cursor.fetchmany(2)
        if len(rows) != 1:
            return None
        row = rows[0]
        return row if (row.pop("synapsor_key"), row.pop("synapsor_tenant")) == (order.key, order.tenant) else None

    def applied(self, cursor: Rows, order: Order, effect: Effect, row: dict[str, Any]) -> tuple[list[str], int]:
        """Runs the effect between a savepoint and its release: if that one is gone, the effect ended our transaction."""
        cursor.execute("savepoint synapsor_seal")
        job = Job(
            proposal_id=order.proposal_id,
            operation_id=order.operation_id,
            attempt=order.attempt,
            action=order.action,
            tenant_id=order.tenant,
            object_id=order.key,
            principal=order.principal,
            approver=order.approver,
            patch=order.patch,
            before=order.before,
            row=row,
            is_rehearsal=order.dry_run,
        )
        transaction = Transaction(cursor)
        failure = None
        names: list[str] = []
        try:
            names = effect(job, transaction) or []
        except Refuse as refusal:
            failure = Failed(500, "HANDLER_BUSINESS_ERROR", {"reason": str(refusal)[:500]})
        except Exception:
            log.exception("%s: the effect failed", order.proposal_id)
            failure = Failed(500, "HANDLER_BUSINESS_ERROR")
        try:
            cursor.execute("release savepoint synapsor_seal")
        except psycopg.errors.InFailedSqlTransaction:
            failure = failure or Failed(500, "HANDLER_BUSINESS_ERROR")
        except (psycopg.errors.InvalidSavepointSpecification, psycopg.errors.NoActiveSqlTransaction) as error:
            raise Ended from error
        if failure:
            raise failure
        return names, transaction.rows

    def moved(self, cursor: Rows, order: Order, before: Any, type: str) -> Any:
        """The version after the change; moved here if the effect did not move it."""
        version = sql.Identifier(self.table.version)
        place = sql.SQL("from {} where {}::text = {} and {}::text = {}").format(
            self.table.quoted(), sql.Identifier(self.table.key), order.key, sql.Identifier(self.table.tenant), order.tenant
        )
        select = sql.SQL("select {}::text as version {}").format(version, place)
        for attempt in range(2):
            held = cursor.execute(select).fetchall()
            if len(held) != 1:
                raise Failed(500, "EFFECT_DIFFERS_FROM_APPROVAL")
            after = canonical(held[0]["version"], type)
            if after != before:
                return after
            if attempt == 0 and order.version_advance == "auto" and type in NEXT_VERSION:
                following = sql.SQL(NEXT_VERSION[type]).format(version=version)
                update = sql.SQL("update {} set {} = {} where {} = %s and {} = %s").format(
                    self.table.quoted(), version, following, sql.Identifier(self.table.key), sql.Identifier(self.table.tenant)
                )
                cursor.execute(update, (order.key, order.tenant))
        raise Failed(500, "VERSION_NOT_ADVANCED")

    def kept(self, cursor: Rows, order: Order, answer: Answer) -> Answer:
        """Completes the receipt, which this attempt must still own."""
        cursor.execute(
            "update synapsor_handler_receipts set status = %s, receipt_json = %s, completed_at = now()"
            " where operation_id = %s and attempt = %s and status = 'in_progress'",
            (answer.status, json.dumps(answer.receipt()), order.operation_id, order.attempt),
        )
        if cursor.rowcount != 1:
            raise Ended
        return answer

    def closed(self, order: Order, answer: Answer) -> Answer:
        """After a rollback: closes the attempt for good before its failure is told, so that a slow twin of it does nothing."""
        if order.dry_run:
            return answer
        try:
            with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                cursor.execute(CLAIM, {**vars(order), "status": "tombstone"})
                if cursor.rowcount == 1:
                    return answer
                cursor.execute(
                    "select * from synapsor_handler_receipts where operation_id = %s for update", (order.operation_id,)
                )
                held = cursor.fetchone()
                if held is None or held["status"] != "tombstone":
                    return Answer(500, "failed", "HANDLER_EXCEPTION")
                cursor.execute(
                    "update synapsor_handler_receipts set attempt = greatest(attempt, %s) where operation_id = %s",
                    (order.attempt, order.operation_id),
                )
                return answer
        except (PoolTimeout, psycopg.Error):
            log.exception("%s: the attempt could not be closed; the outcome is not known", order.proposal_id)
            return Answer(500, "failed", "HANDLER_EXCEPTION")

    def unknown(self, order: Order) -> Answer:
        """What the effect may have committed on its own must not be repeated: the operation stays in progress, for a person."""
        try:
            with self.pool.connection() as connection:
                connection.execute(CLAIM, {**vars(order), "status": "in_progress"})
        except (PoolTimeout, psycopg.Error):
            log.exception("%s: the receipt could not be kept", order.proposal_id)
        return Answer(500, "failed", "HANDLER_EXCEPTION")


class Failed(Exception):
    """The change was rolled back; this is the answer once the attempt is closed."""

    def __init__(self, http: int, code: str, details: dict[str, Any] | None = None):
        super().__init__(code)
        self.answer = Answer(http, "failed", code, details=details or {})


def pinned(connection: psycopg.Connection) -> None:
    """What the guarded transaction relies on, whatever the server's defaults are."""
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.execute("set timezone = 'UTC'; set datestyle = 'ISO'; set synchronous_commit = on")
    connection.execute("set statement_timeout = '10s'; set lock_timeout = '8s'")
    connection.commit()


def canonical(text: str, type: str) -> Any:
    """A version as capabilities carry it."""
    if type in ("smallint", "integer", "bigint"):
        return int(text) if abs(int(text)) <= MAX_EXACT else text
    if type.startswith("timestamp"):
        moment, zone = (text.removesuffix("+00"), "Z") if text.endswith("+00") else (text, "")
        whole, _, fraction = moment.replace(" ", "T").partition(".")
        return f"{whole}.{fraction:0<6}{zone}"
    return text


# ---------------------------------------------------------------------------------------------------------------------------
# Where requests come in


def mount(app: Any, path: str, handler: Handler) -> None:
    """Serves the handler on a FastAPI or Starlette application."""
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response

    if not handler.token and not handler.signatures.keys:
        raise ValueError("a handler that is served needs a token or a signing secret")

    async def serve(request: Request) -> Response:
        try:
            headers = Headers(request.headers.items())
            handler.check_head(request.method, headers)
            body = bytearray()
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Refused(500, "HANDLER_EXCEPTION", "the body is too large", {"connection": "close"})
            # In a thread of its own: it goes on to its end though the client may have gone.
            answer = await run_in_threadpool(handler.answer, headers, bytes(body))
        except Refused as refused:
            log.warning("refused a request: %s", refused)
            answer = refused.answer
        except ClientDisconnect:
            answer = Answer(400, "failed", "BAD_WRITEBACK_REQUEST")
        except Exception:
            log.exception("an error of the handler itself")
            answer = Answer(500, "failed", "HANDLER_EXCEPTION")
        return Response(answer.body(), answer.http, answer.all_headers())

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    app.router.add_route(path, serve, methods=methods)


def command(handler: Handler, line: bytes) -> Answer:
    """Answers the one request that the runner hands over to a command: whoever starts the process is trusted."""
    try:
        if len(line) > MAX_BODY:
            raise Refused(500, "HANDLER_EXCEPTION", "the request is too large")
        handler.open()
        return handler.carry_out(read_order(strict_json(line)))
    except Refused as refused:
        log.warning("refused a request: %s", refused)
        return refused.answer
    except Exception:
        log.exception("an error of the handler itself")
        return Answer(500, "failed", "HANDLER_EXCEPTION")
    finally:
        handler.close()

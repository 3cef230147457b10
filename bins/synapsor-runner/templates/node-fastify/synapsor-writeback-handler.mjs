// Applies approved Synapsor changes in your PostgreSQL database: each of them once, or visibly not.
//
// Your code is one function per capability. Everything before and after it is here, in the order in which it happens: who asks,
// is it fresh, what does it ask for, has it been done before, is the row still the one that was approved. Then your function
// runs, in the same transaction as the receipt.
//
// This file is yours: read it from top to bottom, keep it, change it. `synapsor-runner handler conformance` says whether it
// still keeps the contract. Node 18 or newer, pg 8.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';

const MAX_BODY = 1 << 20;
const MAX_DEPTH = 32;
const MAX_EXACT = 2 ** 53;

// ---------------------------------------------------------------------------------------------------------------------------
// What is answered

/** A status and a receipt. Nothing was changed unless it says so. */
class Answer {
  constructor(http, status, code = null, more = {}) {
    Object.assign(this, { http, status, code, rows: 0, previous: null, next: null, details: {}, headers: {} }, more);
  }

  receipt() {
    const receipt = {
      status: this.status,
      rows_affected: this.rows,
      source_database_mutated: this.rows > 0,
      safe_error_code: this.code,
    };
    if (this.previous !== null) receipt.previous_version = this.previous;
    if (this.next !== null) receipt.new_version = this.next;
    if (Object.keys(this.details).length > 0) receipt.details = this.details;
    return receipt;
  }

  body() {
    return `${JSON.stringify(this.receipt(), null, 2)}\n`;
  }

  allHeaders() {
    return { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...this.headers };
  }
}

/** A request that nothing was done with: its status and code are the whole answer. */
class Refused extends Error {
  constructor(http, code, why, headers = {}) {
    super(`${code}: ${why}`);
    this.answer = new Answer(http, 'failed', code, { headers });
  }
}

/** Throw this in an effect to refuse a change. The reason is told to whoever reads the receipt; everything is rolled back. */
export class Refuse extends Error {}

/** The change was rolled back; this is the answer once the attempt is closed. */
class Failed extends Error {
  constructor(http, code, details = {}) {
    super(code);
    this.answer = new Answer(http, 'failed', code, { details });
  }
}

/** The effect ended our transaction: nobody knows what of it was committed. */
class Ended extends Error {}

// ---------------------------------------------------------------------------------------------------------------------------
// Who asks, and when

/** Verifies Standard Webhooks' signature and the older one over the raw body. Each that is there must verify; one must be. */
class Signatures {
  constructor(secrets, toleranceSeconds) {
    this.keys = secrets.filter(Boolean).map((secret) => ({ webhooks: webhookKey(secret), whole: Buffer.from(secret) }));
    this.tolerance = toleranceSeconds * 1000;
  }

  /** The moment that Standard Webhooks' signature covers, in milliseconds, if that scheme is there. */
  verify(headers, body) {
    const moment = this.verifyWebhooks(headers, body);
    const older = headers.one('x-synapsor-signature');
    if (older !== null) {
      const expected = this.keys.map(({ whole }) => `sha256=${createHmac('sha256', whole).update(body).digest('hex')}`);
      if (!matches(expected, [older])) throw new Refused(401, 'INVALID_SIGNATURE', 'the older signature does not verify');
    }
    if (moment === null && older === null) throw new Refused(401, 'INVALID_SIGNATURE', 'the request is not signed');
    return moment;
  }

  verifyWebhooks(headers, body) {
    const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => headers.one(name));
    if (id === null && timestamp === null && signatures === null) return null;
    if (id === null || timestamp === null || signatures === null || !/^[0-9]{1,12}$/.test(timestamp)) {
      throw new Refused(401, 'INVALID_SIGNATURE', 'half of a scheme is no scheme');
    }
    const parts = signatures.split(' ');
    if (parts.length > 16 || signatures.length > 4096) throw new Refused(401, 'INVALID_SIGNATURE', 'too many signatures');
    const begin = Buffer.from(`${id}.${timestamp}.`, 'latin1');
    const expected = this.keys.map(({ webhooks }) => `v1,${createHmac('sha256', webhooks).update(begin).update(body).digest('base64')}`);
    if (!matches(expected, parts)) throw new Refused(401, 'INVALID_SIGNATURE', 'no signature verifies');
    return Number(timestamp) * 1000;
  }

  /** Believes only what is signed: the timestamp of Standard Webhooks, and `issued_at` inside the body. */
  checkFresh(headers, moment, issuedAt) {
    const header = headers.one('x-synapsor-issued-at');
    if (header !== null && header !== issuedAt) {
      throw new Refused(401, 'INVALID_ISSUED_AT', 'the header names another moment than the signed body');
    }
    if (header === null && headers.one('x-synapsor-signature') !== null) {
      throw new Refused(401, 'INVALID_ISSUED_AT', 'the older scheme needs its moment');
    }
    const moments = moment === null ? [] : [moment];
    if (issuedAt !== undefined && issuedAt !== null) moments.push(parsedMoment(issuedAt));
    if (moments.some((moment) => Math.abs(Date.now() - moment) > this.tolerance)) {
      throw new Refused(401, 'INVALID_ISSUED_AT', 'the request was sent too far from now');
    }
  }
}

/** Of `whsec_...` the base64 behind it, of any other secret its bytes. */
function webhookKey(secret) {
  if (!secret.startsWith('whsec_')) return Buffer.from(secret);
  const encoded = secret.slice('whsec_'.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) throw new Error('the signing secret begins with `whsec_`, and no base64 follows');
  return Buffer.from(encoded, 'base64');
}

/** In a time that depends on neither. */
function same(one, other) {
  const digest = (text) => createHash('sha256').update(text, 'latin1').digest();
  return timingSafeEqual(digest(one), digest(other));
}

function matches(expected, given) {
  let found = false;
  for (const one of expected) for (const other of given) found = same(one, other) || found;
  return found;
}

function parsedMoment(text) {
  const form = /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$/;
  const moment = typeof text === 'string' && form.test(text) ? Date.parse(text.toUpperCase()) : NaN;
  if (Number.isNaN(moment)) throw new Refused(401, 'INVALID_ISSUED_AT', '`issued_at` is no moment');
  return moment;
}

/** The headers of a request. One that decides something may stand there once. */
class Headers {
  /** Names and values in turn, as Node's `rawHeaders` has them. */
  constructor(raw) {
    this.pairs = [];
    for (let at = 0; at + 1 < raw.length; at += 2) this.pairs.push([raw[at].toLowerCase(), raw[at + 1]]);
  }

  one(name) {
    const values = this.pairs.filter(([held]) => held === name).map(([, value]) => value);
    if (values.length > 1) throw new Refused(400, 'BAD_WRITEBACK_REQUEST', `\`${name}\` stands there twice`);
    return values[0] ?? null;
  }
}

// ---------------------------------------------------------------------------------------------------------------------------
// What is asked for

/**
 * JSON that every reader understands in the same way. `JSON.parse` keeps the last of two members of one name and rounds
 * numbers, so the text is read here; it only unescapes strings.
 */
class StrictJson {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  static parse(body) {
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
      const reader = new StrictJson(text === '' ? '{}' : text);
      const value = reader.value(1);
      reader.blank();
      if (reader.at !== reader.text.length) throw new SyntaxError('something follows');
      return value;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) throw new Refused(400, 'BAD_JSON', error.message);
      throw error;
    }
  }

  value(depth) {
    this.blank();
    const next = this.text[this.at];
    if (next === '{' || next === '[') {
      if (depth > MAX_DEPTH) throw new SyntaxError('too deep');
      return next === '{' ? this.object(depth) : this.array(depth);
    }
    if (next === '"') return this.string();
    for (const [word, value] of [['true', true], ['false', false], ['null', null]]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  object(depth) {
    // Without a prototype, so that `__proto__` is a member like any other.
    const members = Object.create(null);
    this.each('{', '}', () => {
      this.blank();
      const name = this.string();
      if (name in members) throw new SyntaxError('a member stands there twice');
      this.expect(':');
      members[name] = this.value(depth + 1);
    });
    return members;
  }

  array(depth) {
    const items = [];
    this.each('[', ']', () => items.push(this.value(depth + 1)));
    return items;
  }

  each(open, close, read) {
    this.expect(open);
    this.blank();
    if (this.text[this.at] === close) {
      this.at += 1;
      return;
    }
    for (;;) {
      read();
      this.blank();
      if (this.text[this.at] === close) break;
      this.expect(',');
    }
    this.at += 1;
  }

  string() {
    const begin = this.at;
    this.expect('"');
    while (this.text[this.at] !== '"') {
      if (this.at >= this.text.length) throw new SyntaxError('a string without an end');
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    }
    this.at += 1;
    const value = JSON.parse(this.text.slice(begin, this.at));
    // With the flag `u` this finds only halves of surrogate pairs, which are no text.
    if (value.includes('\0') || /[\ud800-\udfff]/u.test(value)) throw new SyntaxError('a string that is no text');
    return value;
  }

  number() {
    const form = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    form.lastIndex = this.at;
    const found = form.exec(this.text);
    if (found === null || found[0].length > 32) throw new SyntaxError('no value');
    const value = Number(found[0]);
    const whole = found[1] === undefined && found[2] === undefined;
    if (!Number.isFinite(value) || (whole && (Math.abs(value) > MAX_EXACT || BigInt(found[0]) !== BigInt(value)))) {
      throw new SyntaxError('a number that not every reader holds exactly');
    }
    this.at += found[0].length;
    return value;
  }

  blank() {
    while (' \t\r\n'.includes(this.text[this.at] ?? '.')) this.at += 1;
  }

  expect(sign) {
    this.blank();
    if (this.text[this.at] !== sign) throw new SyntaxError(`no \`${sign}\``);
    this.at += 1;
  }
}

function need(condition, why) {
  if (!condition) throw new Refused(400, 'BAD_WRITEBACK_REQUEST', why);
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value, name) {
  need(value === undefined || value === null || isObject(value), `\`${name}\` is no object`);
  return value ?? {};
}

/** A scalar as it is compared and bound. */
function textOf(value) {
  need(typeof value === 'string' || typeof value === 'number', 'a key, a tenant or a version is no value');
  return String(value);
}

function isEmpty(value) {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** What a request says in one place or in several, where it must say the same. */
function agreed(name, ...said) {
  const values = said.filter((value) => !isEmpty(value));
  need(values.every((value) => isDeepStrictEqual(value, values[0])), `\`${name}\` is said twice, and differently`);
  return values[0];
}

/** One approved change, whichever of the two forms it came in. */
function readOrder(body) {
  need(isObject(body), 'the body is no object');
  for (const [name, spoken] of [['protocol_version', '1.0'], ['schema_version', 'synapsor.handler-writeback.v1']]) {
    if ((body[name] ?? spoken) !== spoken) throw new Refused(400, 'UNSUPPORTED_PROTOCOL_VERSION', `another \`${name}\``);
  }
  const nested = objectOf(body.change_set, 'change_set');
  const [flatGuards, guards] = [objectOf(body.guards, 'guards'), objectOf(nested.guards, 'change_set.guards')];
  const scope = objectOf(agreed('scope', body.scope, nested.scope), 'scope');
  const target = objectOf(agreed('target', body.target, nested.target), 'target');
  const key = objectOf(target.primary_key, 'target.primary_key');
  const tenant = objectOf(agreed('guards.tenant', body.tenant_guard, flatGuards.tenant, guards.tenant), 'guards.tenant');
  const expected = objectOf(agreed('guards.expected_version', flatGuards.expected_version, guards.expected_version), 'guards.expected_version');
  const patch = objectOf(agreed('patch', body.patch, nested.patch), 'patch');
  need(!isEmpty(patch), 'the patch changes nothing');
  need(Object.values(patch).every((value) => typeof value !== 'object' || value === null), 'the patch has a value that is none');
  for (const allowed of [body.allowed_columns, flatGuards.allowed_columns]) {
    const within = Array.isArray(allowed) && Object.keys(patch).every((column) => allowed.includes(column));
    need(isEmpty(allowed) || within, 'the patch goes beyond the review');
  }
  need(!(key.column in patch) && !(tenant.column in patch), 'the patch has the key or the tenant');
  const action = agreed('action', body.action, nested.action);
  need(typeof action === 'string' && action !== '', '`action` is missing');
  const { proposal_id: proposalId, idempotency_key: operationId, proposal_hash: givenHash = null } = body;
  need(typeof proposalId === 'string' && proposalId !== '' && proposalId.length <= 512, '`proposal_id` is missing');
  need(typeof operationId === 'string' && /^[!-~]{1,255}$/.test(operationId), '`idempotency_key` is missing or no key');
  const attempt = body.attempt ?? 1;
  need(Number.isInteger(attempt) && attempt >= 1 && attempt < 2 ** 32, '`attempt` counts from 1');
  const dryRun = body.dry_run ?? false;
  need(typeof dryRun === 'boolean', '`dry_run` is neither true nor false');
  need(givenHash === null || (typeof givenHash === 'string' && givenHash.startsWith('sha256:')), '`proposal_hash` is no hash');
  const keyValue = textOf(key.value ?? scope.object_id);
  need((scope.object_id ?? keyValue) === keyValue, '`scope.object_id` is not the key');
  const tenantValue = textOf(tenant.value);
  need((scope.tenant_id ?? tenantValue) === tenantValue, '`scope.tenant_id` is not the guarded tenant');
  const principal = objectOf(agreed('principal', body.principal, nested.principal), 'principal');
  const content = JSON.stringify([action, target, tenant, expected, patch]);
  return {
    proposalId,
    operationId,
    proposalHash: givenHash ?? `sha256:${createHash('sha256').update(content).digest('hex')}`,
    givenHash,
    jobId: String(body.writeback_job_id ?? `hwb_${proposalId}`),
    attempt,
    action,
    dryRun,
    place: [target.schema, target.table, key.column, tenant.column, expected.column],
    tenant: tenantValue,
    key: keyValue,
    version: textOf(expected.value),
    versionAdvance: body.version_advance ?? 'auto',
    patch,
    before: objectOf(body.before, 'before'),
    principal: String(principal.id ?? body.runner_hint ?? 'approved_operator'),
    approver: objectOf(body.approval, 'approval').approved_by ?? null,
  };
}

/** A header that names the request must name the request inside the body. */
function checkIds(headers, order) {
  const inside = {
    'webhook-id': order.operationId,
    'idempotency-key': order.operationId,
    'x-synapsor-proposal-id': order.proposalId,
    'x-synapsor-proposal-hash': order.givenHash,
  };
  for (const [name, value] of Object.entries(inside)) {
    need((headers.one(name) ?? value) === value, `\`${name}\` is another one than in the body`);
  }
}

// ---------------------------------------------------------------------------------------------------------------------------
// What your code sees

/** One approved change. Everything in it was authenticated; the row is locked and still the version that was approved. */
class Job {
  constructor(order, row) {
    const { proposalId, operationId, attempt, action, principal, approver, patch, before } = order;
    Object.assign(this, { proposalId, operationId, attempt, action, principal, approver, patch, before });
    this.tenantId = order.tenant;
    this.objectId = order.key;
    /** The row as it is locked now; each value is a text as PostgreSQL prints it, or null. */
    this.row = row;
    this.isRehearsal = order.dryRun;
  }

  /** A whole number of the patch; anything else is refused. */
  integer(name) {
    if (!Number.isSafeInteger(this.patch[name])) throw new Refuse(`\`${name}\` of the patch is no integer`);
    return this.patch[name];
  }

  /** A text of the patch; anything else is refused. */
  text(name) {
    if (typeof this.patch[name] !== 'string') throw new Refuse(`\`${name}\` of the patch is no text`);
    return this.patch[name];
  }
}

/** The transaction of the receipt. What you do in it happens together with the receipt, or not at all. Await every call. */
class Transaction {
  #client;

  constructor(client) {
    this.#client = client;
    this.rows = 0;
  }

  /** Runs one statement with bound values; how many rows it changed. The tenant is your affair: name it in every WHERE. */
  async execute(statement, values = []) {
    const { rowCount } = await this.#client.query(statement, values);
    this.rows += rowCount ?? 0;
    return rowCount ?? 0;
  }

  /** The rows of one query; each value is a text as PostgreSQL prints it, or null. */
  async query(statement, values = []) {
    return (await this.#client.query(statement, values)).rows;
  }
}

// ---------------------------------------------------------------------------------------------------------------------------
// The guarded transaction

const RECEIPTS = `
create table if not exists synapsor_handler_receipts (
    operation_id text collate "C" primary key, job_id text not null, proposal_id text not null, proposal_hash text not null,
    attempt bigint not null, action text not null, status text not null, receipt_json text,
    created_at timestamptz not null default now(), completed_at timestamptz)`;

const CLAIM = `
insert into synapsor_handler_receipts (operation_id, job_id, proposal_id, proposal_hash, attempt, action, status)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (operation_id) do nothing`;

const HELD = 'select * from synapsor_handler_receipts where operation_id = $1 for update';

/** What the guarded transaction relies on, whatever the server's defaults are. */
const PINNED =
  "set timezone = 'UTC'; set datestyle = 'ISO'; set synchronous_commit = on; set statement_timeout = '10s'; set lock_timeout = '8s'";

const NEXT_VERSION = {
  smallint: (version) => `${version} + 1`,
  integer: (version) => `${version} + 1`,
  bigint: (version) => `${version} + 1`,
  uuid: () => 'gen_random_uuid()',
  'timestamp with time zone': (version) => `greatest(clock_timestamp(), ${version} + interval '1 microsecond')`,
  'timestamp without time zone': (version) => `greatest(clock_timestamp() at time zone 'UTC', ${version} + interval '1 microsecond')`,
};

/** Every value comes as the text that PostgreSQL prints: nothing is rounded on its way. */
const AS_TEXT = { getTypeParser: () => (text) => text };

/** Answers requests. Give it a token and signing secrets: without either, anybody who reaches it can change rows. */
export class Handler {
  #effects = new Map();

  constructor({ database, table, token = '', secrets = [], toleranceSeconds = 300, connections = 10, log = console }) {
    this.table = { schema: 'public', ...table };
    this.token = token;
    this.signatures = new Signatures(secrets, toleranceSeconds);
    this.log = log;
    this.pool = new pg.Pool({ connectionString: database, max: connections, connectionTimeoutMillis: 10_000, types: AS_TEXT });
    this.pool.on('connect', (client) => {
      // Whoever uses the connection gets the error too; without a listener here it would end the process.
      client.on('error', (error) => log.error(error));
      client.query(PINNED).catch((error) => log.error(error));
    });
    this.pool.on('error', (error) => log.error(error));
  }

  /** Registers the business change of a capability. A rehearsable one does nothing outside its transaction. */
  effect(action, run, { rehearsable = false } = {}) {
    this.#effects.set(action, { run, rehearsable });
    return this;
  }

  /** Call this before the first request. An account that may not create tables needs the receipt table to be there. */
  async open() {
    const { rows } = await this.pool.query("select to_regclass('synapsor_handler_receipts') as receipts");
    if (rows[0].receipts === null) await this.pool.query(RECEIPTS);
  }

  async close() {
    await this.pool.end();
  }

  /** What can be said before the body is read. */
  checkHead(method, headers) {
    if (!['POST', 'PUT', 'PATCH'].includes(method)) {
      throw new Refused(405, 'METHOD_NOT_ALLOWED', 'another method', { allow: 'POST, PUT, PATCH' });
    }
    if (this.token === '') return;
    const [, given = ''] = /^bearer (.*)$/i.exec(headers.one('authorization') ?? '') ?? [];
    if (!same(given.trim(), this.token)) {
      throw new Refused(401, 'UNAUTHORIZED', 'the token is missing or another one', { 'www-authenticate': 'Bearer' });
    }
  }

  /** The whole way of a request whose head was checked. */
  async answer(headers, body) {
    const signed = this.signatures.keys.length > 0;
    const moment = signed ? this.signatures.verify(headers, body) : null;
    const request = StrictJson.parse(body);
    if (signed) this.signatures.checkFresh(headers, moment, request?.issued_at);
    const order = readOrder(request);
    checkIds(headers, order);
    return this.carryOut(order);
  }

  /** Does what an order says, if it is for this handler. */
  async carryOut(order) {
    const effect = this.#effects.get(order.action);
    if (effect === undefined) throw new Refused(400, 'UNSUPPORTED_ACTION', 'no effect of that name');
    if (order.dryRun && !effect.rehearsable) throw new Refused(400, 'DRY_RUN_UNSUPPORTED', 'this effect is not rehearsed');
    const { schema, name, key, tenant, version } = this.table;
    const [named = schema, ...columns] = order.place;
    need(isDeepStrictEqual([named, ...columns], [schema, name, key, tenant, version]), 'a row outside the declared table');
    const answer = await this.#run(order, effect.run);
    answer.headers['idempotency-key'] = order.operationId;
    if (order.givenHash !== null) answer.headers['x-synapsor-proposal-hash'] = order.givenHash;
    this.log.info(`${order.proposalId} attempt ${order.attempt}: ${answer.status} ${answer.code ?? ''}`);
    return answer;
  }

  /** One transaction, and what is known after it. */
  async #run(order, effect) {
    let client;
    try {
      client = await this.pool.connect();
    } catch (error) {
      // No connection: nothing was begun that could still go on.
      this.log.error(error);
      return new Answer(503, 'failed', 'DATABASE_UNAVAILABLE', { headers: { 'retry-after': '1' } });
    }
    let committing = false;
    let problem = null;
    try {
      await client.query('begin isolation level read committed');
      const answer = await this.#guarded(client, order, effect);
      if (order.dryRun || answer.status === 'failed' || answer.status === 'already_applied') {
        await client.query('rollback');
      } else {
        committing = true;
        await commit(client);
      }
      return answer;
    } catch (error) {
      problem = error;
    } finally {
      // A connection of which nobody knows where it stands is not used again.
      if (problem !== null) await client.query('rollback').catch(() => {});
      client.release(problem !== null);
    }
    if (problem instanceof Failed) return this.#closed(order, problem.answer);
    this.log.error(problem);
    if (problem instanceof Ended) return this.#unknown(order);
    // The next attempt finds out: by the receipt, or because there is none.
    if (committing) return new Answer(500, 'failed', 'HANDLER_EXCEPTION');
    if (/^22/.test(problem.code ?? '')) throw new Refused(400, 'BAD_WRITEBACK_REQUEST', 'a key, a tenant or a version is no value of its column');
    return this.#closed(order, new Answer(503, 'failed', 'TRANSACTION_FAILED', { headers: { 'retry-after': '1' } }));
  }

  /** Claim, lock, compare, effect, receipt: everything but the commit. */
  async #guarded(client, order, effect) {
    const { rowCount: claimed } = await client.query(CLAIM, claim(order, 'in_progress'));
    if (claimed === 0) {
      const known = await this.#known(client, order);
      if (known !== null) return known;
    }
    const found = await this.#locked(client, order);
    if (found === null) return this.#kept(client, order, new Answer(200, 'conflict', 'ROW_NOT_FOUND_OR_WRONG_TENANT'));
    const { row, type, before, same } = found;
    if (!same) return this.#kept(client, order, new Answer(200, 'conflict', 'ROW_CHANGED_AFTER_PROPOSAL', { previous: before }));
    const { names, changed } = await this.#applied(client, order, effect, row);
    const next = await this.#moved(client, order, before, type);
    if (order.dryRun) {
      await client.query('set constraints all immediate');
      return new Answer(200, 'applied', null, { previous: before, next, details: { effects: names, dry_run: true } });
    }
    const details = names.length > 0 ? { effects: names } : {};
    return this.#kept(client, order, new Answer(200, 'applied', null, { rows: Math.max(changed, 1), previous: before, next, details }));
  }

  /** What an earlier attempt left; null if this one may go on. */
  async #known(client, order) {
    const [held] = (await client.query(HELD, [order.operationId])).rows;
    if (held === undefined) return new Answer(500, 'failed', 'HANDLER_EXCEPTION');
    if (held.proposal_hash !== order.proposalHash) return new Answer(409, 'failed', 'IDEMPOTENCY_KEY_REUSED');
    if (held.status === 'tombstone') {
      if (Number(held.attempt) >= order.attempt) return new Answer(409, 'failed', 'FENCED');
      const reopen = "update synapsor_handler_receipts set status = 'in_progress', attempt = $1 where operation_id = $2";
      await client.query(reopen, [order.attempt, order.operationId]);
      return null;
    }
    if (held.status !== 'applied' && held.status !== 'conflict') return new Answer(500, 'failed', 'HANDLER_EXCEPTION');
    const receipt = JSON.parse(held.receipt_json);
    const { safe_error_code: code = null, previous_version: previous = null, new_version: next = null, details = {} } = receipt;
    return new Answer(200, held.status === 'applied' ? 'already_applied' : 'conflict', code, { previous, next, details });
  }

  /** The row, by key and tenant, locked. Both are compared once more as text: a collation may call other values equal. */
  async #locked(client, order) {
    const [key, tenant, version] = ['key', 'tenant', 'version'].map((name) => `t.${pg.escapeIdentifier(this.table[name])}`);
    const query =
      `select t.*, ${key}::text as synapsor_key, ${tenant}::text as synapsor_tenant, ${version}::text as synapsor_version,` +
      ` pg_typeof(${version})::text as synapsor_type, coalesce(${version} = $1, false)::text as synapsor_same` +
      ` from ${this.#quoted()} as t where ${key} = $2 and ${tenant} = $3 for update`;
    const { rows } = await client.query(query, [order.version, order.key, order.tenant]);
    if (rows.length !== 1) return null;
    const { synapsor_key: heldKey, synapsor_tenant: heldTenant, synapsor_version, synapsor_type: type, synapsor_same, ...row } = rows[0];
    if (heldKey !== order.key || heldTenant !== order.tenant) return null;
    return { row, type, before: canonical(synapsor_version, type), same: synapsor_same === 'true' };
  }

  /** Runs the effect between a savepoint and its release: if that one is gone, the effect ended our transaction. */
  async #applied(client, order, effect, row) {
    await client.query('savepoint synapsor_seal');
    const transaction = new Transaction(client);
    let failure = null;
    let names = [];
    try {
      names = (await effect(new Job(order, row), transaction)) ?? [];
    } catch (error) {
      const refused = error instanceof Refuse;
      if (!refused) this.log.error(error);
      failure = new Failed(500, 'HANDLER_BUSINESS_ERROR', refused ? { reason: error.message.slice(0, 500) } : {});
    }
    try {
      await client.query('release savepoint synapsor_seal');
    } catch (error) {
      if (error.code === '3B001' || error.code === '25P01') throw new Ended('the effect ended the transaction', { cause: error });
      // In a transaction that failed, though the effect made nothing of it.
      if (error.code !== '25P02') throw error;
      failure ??= new Failed(500, 'HANDLER_BUSINESS_ERROR');
    }
    if (failure !== null) throw failure;
    return { names, changed: transaction.rows };
  }

  /** The version after the change; moved here if the effect did not move it. */
  async #moved(client, order, before, type) {
    const [key, tenant, version] = ['key', 'tenant', 'version'].map((name) => pg.escapeIdentifier(this.table[name]));
    const place = `${key} = $1 and ${tenant} = $2`;
    for (let round = 0; round < 2; round += 1) {
      const query = `select ${version}::text as version from ${this.#quoted()} where ${place}`;
      const { rows } = await client.query(query, [order.key, order.tenant]);
      if (rows.length !== 1) throw new Failed(500, 'EFFECT_DIFFERS_FROM_APPROVAL');
      const after = canonical(rows[0].version, type);
      if (after !== before) return after;
      const following = NEXT_VERSION[type]?.(version);
      if (round === 0 && following !== undefined && order.versionAdvance === 'auto') {
        await client.query(`update ${this.#quoted()} set ${version} = ${following} where ${place}`, [order.key, order.tenant]);
      }
    }
    throw new Failed(500, 'VERSION_NOT_ADVANCED');
  }

  /** Completes the receipt, which this attempt must still own. */
  async #kept(client, order, answer) {
    const { rowCount } = await client.query(
      'update synapsor_handler_receipts set status = $1, receipt_json = $2, completed_at = now()' +
        " where operation_id = $3 and attempt = $4 and status = 'in_progress'",
      [answer.status, JSON.stringify(answer.receipt()), order.operationId, order.attempt],
    );
    if (rowCount !== 1) throw new Ended('the receipt is gone');
    return answer;
  }

  /** After a rollback: closes the attempt for good before its failure is told, so that a slow twin of it does nothing. */
  async #closed(order, answer) {
    if (order.dryRun) return answer;
    try {
      return await this.#alone(async (client) => {
        const { rowCount: inserted } = await client.query(CLAIM, claim(order, 'tombstone'));
        if (inserted === 1) return answer;
        const [held] = (await client.query(HELD, [order.operationId])).rows;
        if (held?.status !== 'tombstone') return new Answer(500, 'failed', 'HANDLER_EXCEPTION');
        const raise = 'update synapsor_handler_receipts set attempt = greatest(attempt, $1) where operation_id = $2';
        await client.query(raise, [order.attempt, order.operationId]);
        return answer;
      });
    } catch (error) {
      this.log.error(error);
      return new Answer(500, 'failed', 'HANDLER_EXCEPTION');
    }
  }

  /** What the effect may have committed on its own must not be repeated: the operation stays in progress, for a person. */
  async #unknown(order) {
    await this.#alone((client) => client.query(CLAIM, claim(order, 'in_progress'))).catch((error) => this.log.error(error));
    return new Answer(500, 'failed', 'HANDLER_EXCEPTION');
  }

  /** A transaction of its own. */
  async #alone(work) {
    const client = await this.pool.connect();
    let failed = true;
    try {
      await client.query('begin isolation level read committed');
      const result = await work(client);
      await commit(client);
      failed = false;
      return result;
    } finally {
      client.release(failed);
    }
  }

  #quoted() {
    return `${pg.escapeIdentifier(this.table.schema)}.${pg.escapeIdentifier(this.table.name)}`;
  }
}

/** An answer that the server rolled back instead, or refused, says that it did not happen; after anything else nobody knows. */
async function commit(client) {
  let result;
  try {
    result = await client.query('commit');
  } catch (error) {
    // Integrity, a serialization failure, an error raised by a trigger: what a server says of a commit that it refused.
    if (/^(23|40001|40002|40P01|44|P0)/.test(error.code ?? '')) throw new Failed(500, 'TRANSACTION_FAILED');
    throw error;
  }
  if (result.command !== 'COMMIT') throw new Failed(500, 'TRANSACTION_FAILED');
}

function claim(order, status) {
  return [order.operationId, order.jobId, order.proposalId, order.proposalHash, order.attempt, order.action, status];
}

/** A version as capabilities carry it. */
function canonical(text, type) {
  if (['smallint', 'integer', 'bigint'].includes(type)) return Math.abs(Number(text)) <= MAX_EXACT ? Number(text) : text;
  if (!type.startsWith('timestamp')) return text;
  const [, moment, zone] = /^(.*?)(\+00)?$/.exec(text);
  const [whole, fraction = ''] = moment.replace(' ', 'T').split('.');
  return `${whole}.${fraction.padEnd(6, '0')}${zone === undefined ? '' : 'Z'}`;
}

// ---------------------------------------------------------------------------------------------------------------------------
// Where requests come in

/** Serves the handler on a Fastify application. */
export function mount(app, url, handler) {
  if (handler.token === '' && handler.signatures.keys.length === 0) {
    throw new Error('a handler that is served needs a token or a signing secret');
  }
  app.register(async (scope) => {
    const send = (reply, answer) => reply.code(answer.http).headers(answer.allHeaders()).send(answer.body());
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY }, (_request, body, done) => done(null, body));
    // Before the body is read.
    scope.addHook('onRequest', async (request) => {
      request.synapsorHeaders = new Headers(request.raw.rawHeaders);
      handler.checkHead(request.method, request.synapsorHeaders);
    });
    scope.setErrorHandler((error, _request, reply) => {
      if (error instanceof Refused) {
        handler.log.warn(`refused a request: ${error.message}`);
        return send(reply, error.answer);
      }
      handler.log.error(error);
      const unread = error.statusCode >= 400 && error.statusCode < 500 && error.statusCode !== 413;
      return send(reply, unread ? new Answer(400, 'failed', 'BAD_WRITEBACK_REQUEST') : new Answer(500, 'failed', 'HANDLER_EXCEPTION'));
    });
    scope.route({
      method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      exposeHeadRoute: false,
      handler: async (request, reply) => send(reply, await handler.answer(request.synapsorHeaders, request.body ?? Buffer.alloc(0))),
    });
  });
}

/** Answers the one request on `input` that the runner hands over to a command: whoever starts the process is trusted. */
export async function command(handler, input) {
  try {
    const line = await whole(input);
    await handler.open();
    return await handler.carryOut(readOrder(StrictJson.parse(line)));
  } catch (error) {
    if (error instanceof Refused) {
      handler.log.warn(`refused a request: ${error.message}`);
      return error.answer;
    }
    handler.log.error(error);
    return new Answer(500, 'failed', 'HANDLER_EXCEPTION');
  } finally {
    await handler.close();
  }
}

async function whole(input) {
  const chunks = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Refused(500, 'HANDLER_EXCEPTION', 'the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

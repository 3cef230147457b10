// The same account credits, as a command: one JSON line comes in, one receipt goes out.
//
//     node synapsor-command-handler.mjs
//
// The runner starts it for each approved change, with an executor of type `command_handler`. Pass `DATABASE_URL` on to it by
// `env_passthrough`. Whoever may start it may change rows, so there is neither a token nor a signature. Logs go to stderr.

import { Console } from 'node:console';

import { Handler, Refuse, command } from './synapsor-writeback-handler.mjs';

const handler = new Handler({
  database: process.env.DATABASE_URL,
  table: { name: 'invoices', key: 'id', tenant: 'tenant_id', version: 'version' },
  log: new Console(process.stderr),
});

handler.effect('billing.propose_account_credit', credit, { rehearsable: true });

async function credit(job, transaction) {
  const cents = job.integer('credit_cents');
  if (cents <= 0) throw new Refuse('a credit is more than nothing');
  await transaction.execute(
    'insert into account_credits (operation_id, tenant_id, invoice_id, cents) values ($1, $2, $3, $4)',
    [job.operationId, job.tenantId, job.objectId, cents],
  );
  await transaction.execute("update invoices set status = 'credited' where id = $1 and tenant_id = $2", [job.objectId, job.tenantId]);
  return ['db.insert', 'db.update'];
}

const answer = await command(handler, process.stdin);
process.stdout.write(answer.body());

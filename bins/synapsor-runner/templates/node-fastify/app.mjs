// An application that gives credits: a row in `account_credits` and the invoice's new status, in one transaction.
//
//     node app.mjs
//
// The database has the tables of `schema.sql`. In the runner's configuration, an executor of type `http_handler` has the URL
// `http://127.0.0.1:8090/synapsor/writeback`, and the same token and signing secret.

import Fastify from 'fastify';

import { Handler, Refuse, mount } from './synapsor-writeback-handler.mjs';

const handler = new Handler({
  database: process.env.DATABASE_URL,
  table: { name: 'invoices', key: 'id', tenant: 'tenant_id', version: 'version' },
  token: process.env.HANDLER_TOKEN,
  // Two during a rotation.
  secrets: [process.env.HANDLER_SIGNING_SECRET, process.env.HANDLER_NEXT_SIGNING_SECRET],
});

handler.effect('billing.propose_account_credit', credit, { rehearsable: true });

async function credit(job, transaction) {
  const cents = job.integer('credit_cents');
  if (cents <= 0) throw new Refuse('a credit is more than nothing');
  if (job.row.status === 'written_off') throw new Refuse('an invoice that was written off gets no credit');
  await transaction.execute(
    'insert into account_credits (operation_id, tenant_id, invoice_id, cents) values ($1, $2, $3, $4)',
    [job.operationId, job.tenantId, job.objectId, cents],
  );
  await transaction.execute("update invoices set status = 'credited' where id = $1 and tenant_id = $2", [job.objectId, job.tenantId]);
  return ['db.insert', 'db.update'];
}

const app = Fastify();
mount(app, '/synapsor/writeback', handler);
app.addHook('onClose', () => handler.close());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());

await handler.open();
console.log(await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 8090) }));

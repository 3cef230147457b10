"""The same account credits, as a command: one JSON line comes in, one receipt goes out.

    python synapsor_command_handler.py

The runner starts it for each approved change, with an executor of type `command_handler`. Pass `DATABASE_URL` on to it by
`env_passthrough`. Whoever may start it may change rows, so there is neither a token nor a signature. Logs go to stderr.
"""

import os
import sys

from synapsor_writeback_handler import MAX_BODY, Handler, Job, Refuse, Table, Transaction, command

handler = Handler(
    database=os.environ["DATABASE_URL"],
    table=Table("invoices", key="id", tenant="tenant_id", version="version"),
)


@handler.effect("billing.propose_account_credit", rehearsable=True)
def credit(job: Job, transaction: Transaction) -> list[str]:
    cents = job.integer("credit_cents")
    if cents <= 0:
        raise Refuse("a credit is more than nothing")
    transaction.execute(
        "insert into account_credits (operation_id, tenant_id, invoice_id, cents) values (%s, %s, %s, %s)",
        (job.operation_id, job.tenant_id, job.object_id, cents),
    )
    transaction.execute(
        "update invoices set status = 'credited' where id = %s and tenant_id = %s",
        (job.object_id, job.tenant_id),
    )
    return ["db.insert", "db.update"]


if __name__ == "__main__":
    answer = command(handler, sys.stdin.buffer.read(MAX_BODY + 1))
    sys.stdout.buffer.write(answer.body())

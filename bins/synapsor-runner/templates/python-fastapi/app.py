"""An application that gives credits: a row in `account_credits` and the invoice's new status, in one transaction.

    uvicorn app:app --port 8090

The database has the tables of `schema.sql`. In the runner's configuration, an executor of type `http_handler` has the URL
`http://127.0.0.1:8090/synapsor/writeback`, and the same token and signing secret.
"""

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI

from synapsor_writeback_handler import Handler, Job, Refuse, Table, Transaction, mount

handler = Handler(
    database=os.environ["DATABASE_URL"],
    table=Table("invoices", key="id", tenant="tenant_id", version="version"),
    token=os.environ["HANDLER_TOKEN"],
    # Two during a rotation.
    secrets=[os.environ["HANDLER_SIGNING_SECRET"], os.environ.get("HANDLER_NEXT_SIGNING_SECRET", "")],
)


@handler.effect("billing.propose_account_credit", rehearsable=True)
def credit(job: Job, transaction: Transaction) -> list[str]:
    cents = job.integer("credit_cents")
    if cents <= 0:
        raise Refuse("a credit is more than nothing")
    if job.row["status"] == "written_off":
        raise Refuse("an invoice that was written off gets no credit")
    transaction.execute(
        "insert into account_credits (operation_id, tenant_id, invoice_id, cents) values (%s, %s, %s, %s)",
        (job.operation_id, job.tenant_id, job.object_id, cents),
    )
    transaction.execute(
        "update invoices set status = 'credited' where id = %s and tenant_id = %s",
        (job.object_id, job.tenant_id),
    )
    return ["db.insert", "db.update"]


@asynccontextmanager
async def lifespan(_: FastAPI):
    handler.open()
    yield
    handler.close()


app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
mount(app, "/synapsor/writeback", handler)

-- A shop with two tenants, and the account of the handler with the least that it needs. Run it as the owner of the database,
-- with the account made before: create role handler login password '...';
create table invoices (
    id text not null,
    tenant_id text not null,
    status text not null,
    due_cents bigint not null check (due_cents >= 0),
    version bigint not null default 1,
    primary key (tenant_id, id)
);

create table account_credits (
    id uuid not null primary key,
    operation_id text not null unique,
    tenant_id text not null,
    invoice_id text not null,
    cents bigint not null check (cents > 0),
    reason text not null,
    approved_by text not null,
    granted_at timestamptz not null,
    foreign key (tenant_id, invoice_id) references invoices (tenant_id, id)
);

create table synapsor_handler_receipts (
    operation_id text collate "C" primary key,
    job_id text not null,
    proposal_id text not null,
    proposal_hash text not null,
    attempt bigint not null,
    action text not null,
    status text not null,
    receipt_json text,
    created_at timestamptz not null default now(),
    completed_at timestamptz
);

grant select, insert, update on synapsor_handler_receipts to handler;
grant select, update on invoices to handler;
grant select, insert on account_credits to handler;

insert into invoices (id, tenant_id, status, due_cents) values
    ('INV-1', 'acme', 'overdue', 12000),
    ('INV-2', 'acme', 'written_off', 900),
    ('INV-1', 'globex', 'open', 5000),
    ('INV-9', 'globex', 'open', 700);

-- A shop with two tenants. The handler keeps its receipts beside it, in a table that it makes itself.
create table invoices (
    id text not null,
    tenant_id text not null,
    status text not null,
    due_cents integer not null check (due_cents >= 0),
    version integer not null default 1,
    primary key (tenant_id, id)
) strict;

create table account_credits (
    id text not null primary key,
    operation_id text not null unique,
    tenant_id text not null,
    invoice_id text not null,
    cents integer not null check (cents > 0),
    reason text not null,
    approved_by text not null,
    granted_at text not null,
    foreign key (tenant_id, invoice_id) references invoices (tenant_id, id)
) strict;

insert into invoices (id, tenant_id, status, due_cents) values
    ('INV-1', 'acme', 'overdue', 12000),
    ('INV-2', 'acme', 'written_off', 900),
    ('INV-1', 'globex', 'open', 5000),
    ('INV-9', 'globex', 'open', 700);

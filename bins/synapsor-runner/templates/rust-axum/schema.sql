-- The tables of the example. The last row is another tenant's, for the conformance scenarios.
create table invoices (id text not null, tenant_id text not null, status text not null, version bigint not null, primary key (tenant_id, id));
create table account_credits (operation_id text primary key, tenant_id text not null, invoice_id text not null, cents bigint not null);
insert into invoices values ('INV-1', 'acme', 'overdue', 1), ('INV-9', 'globex', 'overdue', 1);

-- The demo's business database: two tenants, four tables.
CREATE TABLE customers (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  plan TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE invoices (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  customer_id TEXT NOT NULL REFERENCES customers (id),
  status TEXT NOT NULL,
  amount_cents INTEGER NOT NULL,
  late_fee_cents INTEGER NOT NULL,
  waiver_reason TEXT,
  internal_note TEXT,
  version INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE tickets (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  customer_id TEXT NOT NULL REFERENCES customers (id),
  subject TEXT NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE policies (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL
);

INSERT INTO customers VALUES
  ('CUS-1', 'acme', 'Nora Lindqvist', 'team', 1),
  ('CUS-2', 'acme', 'Imani Okafor', 'free', 1),
  ('CUS-9', 'globex', 'Piet de Vries', 'team', 1);
INSERT INTO invoices VALUES
  ('INV-3001', 'acme', 'CUS-1', 'overdue', 12900, 2500, NULL, 'disputed by phone', 1),
  ('INV-3002', 'acme', 'CUS-2', 'overdue', 4900, 1500, NULL, NULL, 1),
  ('INV-9001', 'globex', 'CUS-9', 'overdue', 99900, 9900, NULL, 'enterprise deal', 1);
INSERT INTO tickets VALUES
  ('TCK-17', 'acme', 'CUS-1', 'Charged a late fee although the card was down on your side', 'open', 1),
  ('TCK-18', 'acme', 'CUS-2', 'How do I invite my team?', 'open', 1),
  ('TCK-90', 'globex', 'CUS-9', 'Invoice copy for our auditors', 'open', 1);
INSERT INTO policies VALUES
  ('late-fees', 'acme', 'Late fees', 'A late fee may be waived once a year if our payment page was at fault.'),
  ('late-fees-globex', 'globex', 'Late fees', 'Late fees are never waived.');

-- A ledger as the program of layout 2 wrote it. Never edited.
PRAGMA application_id = 1400467041;
PRAGMA user_version = 1381021104;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY,
  needs TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;
INSERT INTO schema_version VALUES(1,'0.1.0','2026-11-21T19:20:45.906306Z');
INSERT INTO schema_version VALUES(2,'0.1.0','2026-11-21T19:20:45.940553Z');
CREATE TABLE commits (
  number INTEGER PRIMARY KEY,
  records INTEGER NOT NULL,
  hash TEXT NOT NULL,
  created_at TEXT NOT NULL
, ledger INTEGER) STRICT;
INSERT INTO commits VALUES(1,4,'sha256:a576a798e16e7ef2547073f9e5a32ca89ddcfaae509bcff66a43aae51b62cec3','2026-11-21T19:20:45.956214Z',1381021104);
INSERT INTO commits VALUES(2,4,'sha256:b28aac3f1be249aaa464ff55dee1f568e97f181cb509a25ec9abad3655db5b35','2026-11-21T19:20:45.962902Z',1381021104);
INSERT INTO commits VALUES(3,2,'sha256:c8ee7c2658c9f1bf70e1929c3c5755a3751024fa041db3cfaee215814560e198','2026-11-21T19:20:45.974203Z',1381021104);
INSERT INTO commits VALUES(4,1,'sha256:7d521723df1eb66abc78cdfdfa05caca63639f0a1961fd0c0a11de64b73759c3','2026-11-21T19:20:45.978314Z',1381021104);
INSERT INTO commits VALUES(5,1,'sha256:8549fe1fa0e5226d35afefe3b1ee2e22146a36b89dc8b634da2fc27fe36ecd82','2026-11-21T19:20:45.982959Z',1381021104);
INSERT INTO commits VALUES(6,1,'sha256:06078cafd0482447bc4dcdf4907b272e0205f0ca28d6a7948aefc3bd0651f756','2026-11-21T19:20:45.996259Z',1381021104);
INSERT INTO commits VALUES(7,1,'sha256:5142cf2aedc64a9f7a28f8b236270477820702336865fd2f30ad8b2647c6d3aa','2026-11-21T19:20:46.000926Z',1381021104);
INSERT INTO commits VALUES(8,4,'sha256:8c620c2eca0d32c3eeeb3837dc2e77fbd6196749a8e7dd8b45d0b5821bbc24eb','2026-11-21T19:20:46.008660Z',1381021104);
INSERT INTO commits VALUES(9,2,'sha256:667641d3a5c0f617fd973c0e10c790b93ac5a635e6ee5dce3204d71bcc922158','2026-11-21T19:20:46.014847Z',1381021104);
INSERT INTO commits VALUES(10,4,'sha256:86c5215a1bf5594a7afca5ebad4dd17b188b6ab36d773acb18630a209c343912','2026-11-21T19:20:46.022894Z',1381021104);
INSERT INTO commits VALUES(11,2,'sha256:9118588e96ec4527b66cb5a4f4d5894990dd535308922b7ab0e3a0b50a4fc22b','2026-11-21T19:20:46.031289Z',1381021104);
INSERT INTO commits VALUES(12,1,'sha256:7fab8f0d56c6cb32da2f2ed09762b42fe331eeb5ee6949db13355e387671fce2','2026-11-21T19:20:46.035260Z',1381021104);
INSERT INTO commits VALUES(13,1,'sha256:10fda541e60f6267f4df57476b7d9459fa5e399f1943dcd2fd155f687c96c01f','2026-11-21T19:20:46.038995Z',1381021104);
INSERT INTO commits VALUES(14,4,'sha256:7eb3995a509afb0333dede8b1f87c837b766ef171321b26099357b56a7391fdb','2026-11-21T19:20:46.046723Z',1381021104);
INSERT INTO commits VALUES(15,1,'sha256:158b1bdc3f5cc39a9b3e6087211ea1eb2ca5503c299a1fef38d7c03fcfffa99a','2026-11-21T19:20:46.055087Z',1381021104);
INSERT INTO commits VALUES(16,2,'sha256:7bed0c060270c50dbaae25700913a6c119f157c5315ed17fbbbb8e4c25d0e470','2026-11-21T19:20:46.056529Z',1381021104);
INSERT INTO commits VALUES(17,2,'sha256:5543d2049807176f3c7c69443ada00c9b9857947a1e44272c45897627c98a42a','2026-11-21T19:20:46.064854Z',1381021104);
INSERT INTO commits VALUES(18,1,'sha256:0e0c4d1b8969ccfcb75708a12d9e49d121b75e548388c8778f076b5770df7fcd','2026-11-21T19:20:46.068573Z',1381021104);
CREATE TABLE evidence (
  evidence_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  body_json TEXT NOT NULL
, checksum INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO evidence VALUES('ev_01a1ff8dce8077cc9062a76df9cdc81f','acme',1,'{"evidence_id":"ev_01a1ff8dce8077cc9062a76df9cdc81f","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-1","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","items":[{"kind":"external_row","visible_row":{"id":"INV-1","status":"open","version":3}}],"created_at":"2026-11-21T19:20:45.952628Z"}',6978721197589984991);
INSERT INTO evidence VALUES('ev_01a1ff8dce8870228990cb1bdd60f47c','acme',2,'{"evidence_id":"ev_01a1ff8dce8870228990cb1bdd60f47c","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-2","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","items":[{"kind":"external_row","visible_row":{"id":"INV-2","status":"open","version":3}}],"created_at":"2026-11-21T19:20:45.960403Z"}',193871411705372687);
INSERT INTO evidence VALUES('ev_01a1ff8dceb17493acc10785e7ccd61b','acme',8,'{"evidence_id":"ev_01a1ff8dceb17493acc10785e7ccd61b","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-3","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","items":[{"kind":"external_row","visible_row":{"id":"INV-3","status":"open","version":3}}],"created_at":"2026-11-21T19:20:46.001849Z"}',8900300821916383312);
INSERT INTO evidence VALUES('ev_01a1ff8dcec477fc8d7e9777b4eb00f3','acme',10,'{"evidence_id":"ev_01a1ff8dcec477fc8d7e9777b4eb00f3","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-4","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","items":[{"kind":"external_row","visible_row":{"id":"INV-4","status":"open","version":3}}],"created_at":"2026-11-21T19:20:46.020347Z"}',7548961169915801641);
INSERT INTO evidence VALUES('ev_01a1ff8dcedc70a3aac98e2158ed5db5','acme',14,'{"evidence_id":"ev_01a1ff8dcedc70a3aac98e2158ed5db5","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-5","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","items":[{"kind":"external_row","visible_row":{"id":"INV-5","status":"open","version":3}}],"created_at":"2026-11-21T19:20:46.044274Z"}',2206529871617777314);
INSERT INTO evidence VALUES('ev_01a1ff8dcee874a9b01bfc0f534f2dd9','acme',16,'{"evidence_id":"ev_01a1ff8dcee874a9b01bfc0f534f2dd9","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-1","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","items":[{"kind":"external_row","visible_row":{"id":"INV-1","status":"open","version":3}}],"created_at":"2026-11-21T19:20:46.056169Z"}',8597763074809194016);
INSERT INTO evidence VALUES('ev_01a1ff8dcef0705e84d4c2d6bec04e94','acme',17,'{"evidence_id":"ev_01a1ff8dcef0705e84d4c2d6bec04e94","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-6","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","items":[{"kind":"external_row","visible_row":{"id":"INV-6","status":"open","version":3}}],"created_at":"2026-11-21T19:20:46.064353Z"}',1190065737804833325);
CREATE TABLE query_audit (
  audit_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  body_json TEXT NOT NULL
, checksum INTEGER, shape INTEGER, object_id TEXT, at_micros INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO query_audit VALUES('qa_01a1ff8dce81740fb3f962e620e292da','acme',1,'{"audit_id":"qa_01a1ff8dce81740fb3f962e620e292da","evidence_id":"ev_01a1ff8dce8077cc9062a76df9cdc81f","proposal_id":"wrp_01a1ff8dce8077cc9062a76e62a7d779","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-1","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","row_count":1,"created_at":"2026-11-21T19:20:45.953502Z"}',-7364354292882891400,1,'INV-1',1795288845953502);
INSERT INTO query_audit VALUES('qa_01a1ff8dce8970f5af13f718e0d83d51','acme',2,'{"audit_id":"qa_01a1ff8dce8970f5af13f718e0d83d51","evidence_id":"ev_01a1ff8dce8870228990cb1bdd60f47c","proposal_id":"wrp_01a1ff8dce8870228990cb1ced030606","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-2","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","row_count":1,"created_at":"2026-11-21T19:20:45.961132Z"}',-6827576050249170258,1,'INV-2',1795288845961132);
INSERT INTO query_audit VALUES('qa_01a1ff8dceb27716b570904d308f0b6e','acme',8,'{"audit_id":"qa_01a1ff8dceb27716b570904d308f0b6e","evidence_id":"ev_01a1ff8dceb17493acc10785e7ccd61b","proposal_id":"wrp_01a1ff8dceb17493acc10786666c4035","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-3","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","row_count":1,"created_at":"2026-11-21T19:20:46.002499Z"}',-4961705989917420082,1,'INV-3',1795288846002499);
INSERT INTO query_audit VALUES('qa_01a1ff8dcec574939be7bf086e878355','acme',10,'{"audit_id":"qa_01a1ff8dcec574939be7bf086e878355","evidence_id":"ev_01a1ff8dcec477fc8d7e9777b4eb00f3","proposal_id":"wrp_01a1ff8dcec477fc8d7e977827f0bb4d","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-4","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","row_count":1,"created_at":"2026-11-21T19:20:46.021094Z"}',-1738258264237922571,1,'INV-4',1795288846021094);
INSERT INTO query_audit VALUES('qa_01a1ff8dcedc70a3aac98e233c60e52d','acme',14,'{"audit_id":"qa_01a1ff8dcedc70a3aac98e233c60e52d","evidence_id":"ev_01a1ff8dcedc70a3aac98e2158ed5db5","proposal_id":"wrp_01a1ff8dcedc70a3aac98e22de9f872d","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-5","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","row_count":1,"created_at":"2026-11-21T19:20:46.045007Z"}',-6796008887428384922,1,'INV-5',1795288846045007);
INSERT INTO query_audit VALUES('qa_01a1ff8dcee874a9b01bfc102cfcdff0','acme',16,'{"audit_id":"qa_01a1ff8dcee874a9b01bfc102cfcdff0","evidence_id":"ev_01a1ff8dcee874a9b01bfc0f534f2dd9","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-1","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","row_count":1,"created_at":"2026-11-21T19:20:46.056192Z"}',-5696606305263685337,1,'INV-1',1795288846056192);
INSERT INTO query_audit VALUES('qa_01a1ff8dcef0705e84d4c2d7713f7be3','acme',17,'{"audit_id":"qa_01a1ff8dcef0705e84d4c2d7713f7be3","evidence_id":"ev_01a1ff8dcef0705e84d4c2d6bec04e94","tenant_id":"acme","principal":"agent-7","capability":"billing.propose_status","source_id":"shop","table":"public.invoices","business_object":"invoices","object_id":"INV-6","query_fingerprint":"sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947","row_count":1,"created_at":"2026-11-21T19:20:46.064386Z"}',-4740523903611743752,1,'INV-6',1795288846064386);
CREATE TABLE diagnostics (
  diagnostic_id TEXT PRIMARY KEY,
  tenant_id TEXT,
  commit_number INTEGER NOT NULL,
  body_json TEXT NOT NULL
, checksum INTEGER, capability TEXT, at_micros INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO diagnostics VALUES('diag_01a1ff8dcef4758ba4dd8d9305230f0a','acme',18,'{"diagnostic_id":"diag_01a1ff8dcef4758ba4dd8d9305230f0a","tenant_id":"acme","capability":"billing.propose_status","code":"TEMPORARILY_UNAVAILABLE","detail":"no answer","created_at":"2026-11-21T19:20:46.068177Z"}',4522661759155981484,'billing.propose_status',1795288846068177);
CREATE TABLE proposals (
  number INTEGER PRIMARY KEY,
  proposal_id TEXT NOT NULL UNIQUE,
  proposal_version INTEGER NOT NULL,
  proposal_hash TEXT NOT NULL,
  content_digest TEXT NOT NULL,
  approval_digest TEXT NOT NULL,
  capability_digest TEXT NOT NULL,
  mode TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  capability TEXT NOT NULL,
  business_object TEXT NOT NULL,
  object_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  status TEXT NOT NULL,
  open INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  outcome TEXT,
  code TEXT,
  updated_at TEXT NOT NULL,
  events INTEGER NOT NULL,
  head_hash TEXT NOT NULL,
  change_set_json TEXT NOT NULL
, checksum INTEGER, shape INTEGER, at_micros INTEGER, evidence_id TEXT, audit_id TEXT) STRICT;
INSERT INTO proposals VALUES(1,'wrp_01a1ff8dce8077cc9062a76e62a7d779',1,'sha256:7f558fa783abf8c224dc0c500b56ff12b146afb2e0d9744d04190989cb59a3b9','sha256:4c04a52e890dc3393a94dae17dff711036d7e54b50c5bc4c5b9ca197463ca434','sha256:8b21347892c671caf38ba563ef0d125cd5b46d304296080843b226353b3658da','sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe','review_required','acme','agent-7','billing.propose_status','invoices','INV-1','shop','2026-11-21T20:20:45.952478Z','2026-11-21T19:20:45.953518Z','pending_review',1,0,NULL,NULL,'2026-11-21T19:20:45.953518Z',2,'sha256:239351f99d31c3f1452638ab8ed96b6a7f43d97d9be8de9d108cb219626673e3','{"schema_version":"synapsor.change-set.v1","proposal_id":"wrp_01a1ff8dce8077cc9062a76e62a7d779","proposal_version":1,"action":"billing.propose_status","mode":"review_required","principal":{"id":"agent-7","source":"environment"},"scope":{"tenant_id":"acme","business_object":"invoices","object_id":"INV-1"},"source":{"kind":"external_postgres","source_id":"shop","schema":"public","table":"invoices","primary_key":{"column":"id","value":"INV-1"}},"before":{"id":"INV-1","status":"open","version":3},"patch":{"status":"paid"},"after":{"id":"INV-1","status":"paid","version":3},"guards":{"tenant":{"column":"tenant_id","value":"acme"},"allowed_columns":["status"],"expected_version":{"column":"version","value":3}},"evidence":{"bundle_id":"ev_01a1ff8dce8077cc9062a76df9cdc81f","query_fingerprint":"sha256:ab","items":[]},"approval":{"status":"pending"},"writeback":{"status":"not_applied","mode":"trusted_worker_required","executor":"sql_update"},"source_database_mutated":false,"integrity":{"proposal_hash":"sha256:7f558fa783abf8c224dc0c500b56ff12b146afb2e0d9744d04190989cb59a3b9"},"created_at":"2026-11-21T19:20:45.952898Z"}',1519410383425243254,2,1795288845953518,'ev_01a1ff8dce8077cc9062a76df9cdc81f','qa_01a1ff8dce81740fb3f962e620e292da');
INSERT INTO proposals VALUES(2,'wrp_01a1ff8dce8870228990cb1ced030606',1,'sha256:b0d6c67c261143bb91bff0e8b54e66a00c00e47c6e7f57ba1b453b3167199399','sha256:2f7c9e3e35f251552cdbd85be3fb2f0111f85687d06738d54c53499ae16ac347','sha256:a4847acd3a2a5d19c46088c154b1effee2eabc1a3df3b0ddcaaee560ba517047','sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe','review_required','acme','agent-7','billing.propose_status','invoices','INV-2','shop','2026-11-21T20:20:45.960300Z','2026-11-21T19:20:45.961146Z','applied',0,2,'applied',NULL,'2026-11-21T19:20:46.000318Z',8,'sha256:ac821e5bbb2ca6da6c0c2fb8b0599cf848a7ebda2c216a77651de14dcda6b754','{"schema_version":"synapsor.change-set.v1","proposal_id":"wrp_01a1ff8dce8870228990cb1ced030606","proposal_version":1,"action":"billing.propose_status","mode":"review_required","principal":{"id":"agent-7","source":"environment"},"scope":{"tenant_id":"acme","business_object":"invoices","object_id":"INV-2"},"source":{"kind":"external_postgres","source_id":"shop","schema":"public","table":"invoices","primary_key":{"column":"id","value":"INV-2"}},"before":{"id":"INV-2","status":"open","version":3},"patch":{"status":"paid"},"after":{"id":"INV-2","status":"paid","version":3},"guards":{"tenant":{"column":"tenant_id","value":"acme"},"allowed_columns":["status"],"expected_version":{"column":"version","value":3}},"evidence":{"bundle_id":"ev_01a1ff8dce8870228990cb1bdd60f47c","query_fingerprint":"sha256:ab","items":[]},"approval":{"status":"pending"},"writeback":{"status":"not_applied","mode":"trusted_worker_required","executor":"sql_update"},"source_database_mutated":false,"integrity":{"proposal_hash":"sha256:b0d6c67c261143bb91bff0e8b54e66a00c00e47c6e7f57ba1b453b3167199399"},"created_at":"2026-11-21T19:20:45.960571Z"}',8826980690515026898,2,1795288845961146,'ev_01a1ff8dce8870228990cb1bdd60f47c','qa_01a1ff8dce8970f5af13f718e0d83d51');
INSERT INTO proposals VALUES(3,'wrp_01a1ff8dceb17493acc10786666c4035',1,'sha256:d59582f3a907ac9efe4777a60d48d58fddb73ae6016980648becf6ea5bd48a26','sha256:5199abfee5568d7c13701300dc1b37929014c7f85438aa03f26892a8dcfd25fc','sha256:d4318b79558d3688818a25df2bc8ebb675439c2ad964204fe1b1f2afa0210b68','sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe','review_required','acme','agent-7','billing.propose_status','invoices','INV-3','shop','2026-11-21T20:20:46.001789Z','2026-11-21T19:20:46.002514Z','approved',1,0,NULL,NULL,'2026-11-21T19:20:46.014414Z',4,'sha256:4a0bb63c80dd216ac6b858a2cc57a9cd5aefba7c3996dca140ee48791321fbd0','{"schema_version":"synapsor.change-set.v1","proposal_id":"wrp_01a1ff8dceb17493acc10786666c4035","proposal_version":1,"action":"billing.propose_status","mode":"review_required","principal":{"id":"agent-7","source":"environment"},"scope":{"tenant_id":"acme","business_object":"invoices","object_id":"INV-3"},"source":{"kind":"external_postgres","source_id":"shop","schema":"public","table":"invoices","primary_key":{"column":"id","value":"INV-3"}},"before":{"id":"INV-3","status":"open","version":3},"patch":{"status":"paid"},"after":{"id":"INV-3","status":"paid","version":3},"guards":{"tenant":{"column":"tenant_id","value":"acme"},"allowed_columns":["status"],"expected_version":{"column":"version","value":3}},"evidence":{"bundle_id":"ev_01a1ff8dceb17493acc10785e7ccd61b","query_fingerprint":"sha256:ab","items":[]},"approval":{"status":"pending"},"writeback":{"status":"not_applied","mode":"trusted_worker_required","executor":"sql_update"},"source_database_mutated":false,"integrity":{"proposal_hash":"sha256:d59582f3a907ac9efe4777a60d48d58fddb73ae6016980648becf6ea5bd48a26"},"created_at":"2026-11-21T19:20:46.002016Z"}',7001735916768485712,2,1795288846002514,'ev_01a1ff8dceb17493acc10785e7ccd61b','qa_01a1ff8dceb27716b570904d308f0b6e');
INSERT INTO proposals VALUES(4,'wrp_01a1ff8dcec477fc8d7e977827f0bb4d',1,'sha256:06e607162e901860952bd4ce8e05f720c0f99de575924bc65cd9c9cfc068e23e','sha256:5fe17bb51fb14907c6dd44f0a2f19973d1a4a9c0622da6b43d311fbcc4c72603','sha256:f1ceb910a1048a966924e3c476598f87466180ad7f9a34c2a6a55713ce6be4ed','sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe','review_required','acme','agent-7','billing.propose_status','invoices','INV-4','shop','2026-11-21T20:20:46.020236Z','2026-11-21T19:20:46.021111Z','pending_worker',1,1,'unknown','DATABASE_UNAVAILABLE','2026-11-21T19:20:46.038594Z',6,'sha256:286be0f8e0a813ec5dbfe3492765dc7b52a1e308bc44ee67bd4e862a26cc0bd5','{"schema_version":"synapsor.change-set.v1","proposal_id":"wrp_01a1ff8dcec477fc8d7e977827f0bb4d","proposal_version":1,"action":"billing.propose_status","mode":"review_required","principal":{"id":"agent-7","source":"environment"},"scope":{"tenant_id":"acme","business_object":"invoices","object_id":"INV-4"},"source":{"kind":"external_postgres","source_id":"shop","schema":"public","table":"invoices","primary_key":{"column":"id","value":"INV-4"}},"before":{"id":"INV-4","status":"open","version":3},"patch":{"status":"paid"},"after":{"id":"INV-4","status":"paid","version":3},"guards":{"tenant":{"column":"tenant_id","value":"acme"},"allowed_columns":["status"],"expected_version":{"column":"version","value":3}},"evidence":{"bundle_id":"ev_01a1ff8dcec477fc8d7e9777b4eb00f3","query_fingerprint":"sha256:ab","items":[]},"approval":{"status":"pending"},"writeback":{"status":"not_applied","mode":"trusted_worker_required","executor":"sql_update"},"source_database_mutated":false,"integrity":{"proposal_hash":"sha256:06e607162e901860952bd4ce8e05f720c0f99de575924bc65cd9c9cfc068e23e"},"created_at":"2026-11-21T19:20:46.020526Z"}',-1563888000372150667,2,1795288846021111,'ev_01a1ff8dcec477fc8d7e9777b4eb00f3','qa_01a1ff8dcec574939be7bf086e878355');
INSERT INTO proposals VALUES(5,'wrp_01a1ff8dcedc70a3aac98e22de9f872d',1,'sha256:5e95d0dc7efcedf29832734e8959ac137b41006ab3c290505dac1ec980dfb89b','sha256:4902c21554f2da7408b6826ead11d78c4dc63e45b03990c23bcef60850a00652','sha256:f34496e882f7a0ba86c3b6dcd10c625721bd9afaca0317d5c12826493a296438','sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe','review_required','acme','agent-7','billing.propose_status','invoices','INV-5','shop','2026-11-21T20:20:46.044177Z','2026-11-21T19:20:46.045023Z','rejected',0,0,NULL,NULL,'2026-11-21T19:20:46.054641Z',3,'sha256:210f128a226cde9ca67723926cb8999b41c27eeaf25613469257443a80651851','{"schema_version":"synapsor.change-set.v1","proposal_id":"wrp_01a1ff8dcedc70a3aac98e22de9f872d","proposal_version":1,"action":"billing.propose_status","mode":"review_required","principal":{"id":"agent-7","source":"environment"},"scope":{"tenant_id":"acme","business_object":"invoices","object_id":"INV-5"},"source":{"kind":"external_postgres","source_id":"shop","schema":"public","table":"invoices","primary_key":{"column":"id","value":"INV-5"}},"before":{"id":"INV-5","status":"open","version":3},"patch":{"status":"paid"},"after":{"id":"INV-5","status":"paid","version":3},"guards":{"tenant":{"column":"tenant_id","value":"acme"},"allowed_columns":["status"],"expected_version":{"column":"version","value":3}},"evidence":{"bundle_id":"ev_01a1ff8dcedc70a3aac98e2158ed5db5","query_fingerprint":"sha256:ab","items":[]},"approval":{"status":"pending"},"writeback":{"status":"not_applied","mode":"trusted_worker_required","executor":"sql_update"},"source_database_mutated":false,"integrity":{"proposal_hash":"sha256:5e95d0dc7efcedf29832734e8959ac137b41006ab3c290505dac1ec980dfb89b"},"created_at":"2026-11-21T19:20:46.044447Z"}',3909766355264426531,2,1795288846045023,'ev_01a1ff8dcedc70a3aac98e2158ed5db5','qa_01a1ff8dcedc70a3aac98e233c60e52d');
CREATE TABLE proposal_events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL,
  proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
  sequence INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  payload_json TEXT NOT NULL,
  created_at TEXT NOT NULL,
  hash TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  UNIQUE (proposal_id, sequence)
) STRICT;
INSERT INTO proposal_events VALUES(1,'evt_01a1ff8dce827372863cf27a83409642','wrp_01a1ff8dce8077cc9062a76e62a7d779',1,'proposal_created','agent-7','{"proposal_id":"wrp_01a1ff8dce8077cc9062a76e62a7d779","proposal_version":1,"proposal_hash":"sha256:7f558fa783abf8c224dc0c500b56ff12b146afb2e0d9744d04190989cb59a3b9","content_digest":"sha256:4c04a52e890dc3393a94dae17dff711036d7e54b50c5bc4c5b9ca197463ca434","approval_digest":"sha256:8b21347892c671caf38ba563ef0d125cd5b46d304296080843b226353b3658da","capability":"billing.propose_status","capability_digest":"sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe","mode":"review_required","tenant_id":"acme","principal":"agent-7","business_object":"invoices","object_id":"INV-1","source_id":"shop","operation_id":"wrp_01a1ff8dce8077cc9062a76e62a7d779:INV-1","expires_at":"2026-11-21T20:20:45.952478Z"}','2026-11-21T19:20:45.953518Z','sha256:73e7e01cd739caeb141293943390c11d092e24094b7819399392e02346924619',1);
INSERT INTO proposal_events VALUES(2,'evt_01a1ff8dce827372863cf27b3961451a','wrp_01a1ff8dce8077cc9062a76e62a7d779',2,'evidence_recorded','agent-7','{"evidence_id":"ev_01a1ff8dce8077cc9062a76df9cdc81f","evidence_digest":"sha256:60d965f450d6f6df4fa81a0160a8b4890e42d75703e9f71bbfb91b9e29f80be5","audit_id":"qa_01a1ff8dce81740fb3f962e620e292da","audit_digest":"sha256:99cc8ec9e4979d78a0907f05e8222f1a16ee9039868de3f83b1379e9134fc9e3"}','2026-11-21T19:20:45.953518Z','sha256:239351f99d31c3f1452638ab8ed96b6a7f43d97d9be8de9d108cb219626673e3',1);
INSERT INTO proposal_events VALUES(3,'evt_01a1ff8dce8970f5af13f71967e0401c','wrp_01a1ff8dce8870228990cb1ced030606',1,'proposal_created','agent-7','{"proposal_id":"wrp_01a1ff8dce8870228990cb1ced030606","proposal_version":1,"proposal_hash":"sha256:b0d6c67c261143bb91bff0e8b54e66a00c00e47c6e7f57ba1b453b3167199399","content_digest":"sha256:2f7c9e3e35f251552cdbd85be3fb2f0111f85687d06738d54c53499ae16ac347","approval_digest":"sha256:a4847acd3a2a5d19c46088c154b1effee2eabc1a3df3b0ddcaaee560ba517047","capability":"billing.propose_status","capability_digest":"sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe","mode":"review_required","tenant_id":"acme","principal":"agent-7","business_object":"invoices","object_id":"INV-2","source_id":"shop","operation_id":"wrp_01a1ff8dce8870228990cb1ced030606:INV-2","expires_at":"2026-11-21T20:20:45.960300Z"}','2026-11-21T19:20:45.961146Z','sha256:6b55464be7570789ea51f90406ab770a68508e8b416c3a713c1489d486c5e66b',2);
INSERT INTO proposal_events VALUES(4,'evt_01a1ff8dce8a7260b6f3c74eaa02ec65','wrp_01a1ff8dce8870228990cb1ced030606',2,'evidence_recorded','agent-7','{"evidence_id":"ev_01a1ff8dce8870228990cb1bdd60f47c","evidence_digest":"sha256:02b0c50592cd600f5c59cd0e7ce1a3ecded0b10497cc57d29a4982edd4b1c355","audit_id":"qa_01a1ff8dce8970f5af13f718e0d83d51","audit_digest":"sha256:a13f93c19fef02ae541b60fa1ea0b4055755b8a338a16567b38f76d58db246df"}','2026-11-21T19:20:45.961146Z','sha256:ba22813b7e0eeb97f834de1488f1acbb7adcb11654b29d5a7079bd66ed64d0c8',2);
INSERT INTO proposal_events VALUES(5,'evt_01a1ff8dce95723bb96af959164cf5f1','wrp_01a1ff8dce8870228990cb1ced030606',3,'proposal_approved','dana','{"approval_digest":"sha256:a4847acd3a2a5d19c46088c154b1effee2eabc1a3df3b0ddcaaee560ba517047","proposal_hash":"sha256:b0d6c67c261143bb91bff0e8b54e66a00c00e47c6e7f57ba1b453b3167199399","proposal_version":1,"operator":{"account":"dana","uid":1000,"note":"on call"},"reason":"looks right"}','2026-11-21T19:20:45.973175Z','sha256:0199b9c04f60696e3f57cc8a7cac6fd934bb2dc8a9281f1658a07e7763c14931',3);
INSERT INTO proposal_events VALUES(6,'evt_01a1ff8dce95723bb96af95aa5deedf0','wrp_01a1ff8dce8870228990cb1ced030606',4,'writeback_job_recorded','dana','{"writeback_job_id":"wbj_01a1ff8dce8870228990cb1ced030606"}','2026-11-21T19:20:45.973175Z','sha256:6c3b7f9add24de7a580dbdc0f295a4c974d63a93ad2fa7de0ab6adb8754f5d12',3);
INSERT INTO proposal_events VALUES(7,'evt_01a1ff8dce997134a316f4dafbb2d03b','wrp_01a1ff8dce8870228990cb1ced030606',5,'writeback_attempt_claimed','dana','{"attempt":1,"holder":"worker","lease_id":"lease_01a1ff8dce997134a316f4d93f45b9e9"}','2026-11-21T19:20:45.977795Z','sha256:34614f264288f004b0f6907c97918c2dcb64c839d7d698ab134661c4c027b051',4);
INSERT INTO proposal_events VALUES(8,'evt_01a1ff8dce9d701680d59a944a8206d3','wrp_01a1ff8dce8870228990cb1ced030606',6,'writeback_failed','dana','{"attempt":1,"report":{"outcome":"failed","code":"DATABASE_UNAVAILABLE","rows_affected":0,"transient":false}}','2026-11-21T19:20:45.981947Z','sha256:9694b09b46e93e93b5241f5963f41ef7b34376b8bd734af873d950cd69aa6404',5);
INSERT INTO proposal_events VALUES(9,'evt_01a1ff8dceab776d85d48aab01a80e96','wrp_01a1ff8dce8870228990cb1ced030606',7,'writeback_attempt_claimed','dana','{"attempt":2,"holder":"worker","lease_id":"lease_01a1ff8dceab776d85d48aaaf4802d9e"}','2026-11-21T19:20:45.995765Z','sha256:50bff4d5be013205ea4afaceeadadbab8e1a8d853eaafe31c5d14bf8a1efbabd',6);
INSERT INTO proposal_events VALUES(10,'evt_01a1ff8dceb077b087acae9c086324a4','wrp_01a1ff8dce8870228990cb1ced030606',8,'writeback_applied','dana','{"attempt":2,"report":{"outcome":"applied","rows_affected":0,"transient":false}}','2026-11-21T19:20:46.000318Z','sha256:ac821e5bbb2ca6da6c0c2fb8b0599cf848a7ebda2c216a77651de14dcda6b754',7);
INSERT INTO proposal_events VALUES(11,'evt_01a1ff8dceb3737888f7a077b1053411','wrp_01a1ff8dceb17493acc10786666c4035',1,'proposal_created','agent-7','{"proposal_id":"wrp_01a1ff8dceb17493acc10786666c4035","proposal_version":1,"proposal_hash":"sha256:d59582f3a907ac9efe4777a60d48d58fddb73ae6016980648becf6ea5bd48a26","content_digest":"sha256:5199abfee5568d7c13701300dc1b37929014c7f85438aa03f26892a8dcfd25fc","approval_digest":"sha256:d4318b79558d3688818a25df2bc8ebb675439c2ad964204fe1b1f2afa0210b68","capability":"billing.propose_status","capability_digest":"sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe","mode":"review_required","tenant_id":"acme","principal":"agent-7","business_object":"invoices","object_id":"INV-3","source_id":"shop","operation_id":"wrp_01a1ff8dceb17493acc10786666c4035:INV-3","expires_at":"2026-11-21T20:20:46.001789Z"}','2026-11-21T19:20:46.002514Z','sha256:7ad5dc50ee0a5dc6593e372b9f144564721a988d506f725de5088a91f1c08820',8);
INSERT INTO proposal_events VALUES(12,'evt_01a1ff8dceb3737888f7a0786322b567','wrp_01a1ff8dceb17493acc10786666c4035',2,'evidence_recorded','agent-7','{"evidence_id":"ev_01a1ff8dceb17493acc10785e7ccd61b","evidence_digest":"sha256:7b843871147178509857af4ff613a99d4eadcf033642efb84b7e65ba22ee3be0","audit_id":"qa_01a1ff8dceb27716b570904d308f0b6e","audit_digest":"sha256:bb247ab0bf0b55ced22bedb3dc684478bb02e5c77b0c7044c1e19e64c19b8fcb"}','2026-11-21T19:20:46.002514Z','sha256:074645fd096a5308df1e6737d42d109ae256d54fdfde1d462b36f748cac47e6f',8);
INSERT INTO proposal_events VALUES(13,'evt_01a1ff8dcebe71d2a06021669f04bc3c','wrp_01a1ff8dceb17493acc10786666c4035',3,'proposal_approved','dana','{"approval_digest":"sha256:d4318b79558d3688818a25df2bc8ebb675439c2ad964204fe1b1f2afa0210b68","proposal_hash":"sha256:d59582f3a907ac9efe4777a60d48d58fddb73ae6016980648becf6ea5bd48a26","proposal_version":1,"operator":{"account":"dana","uid":1000,"note":"on call"},"reason":"looks right"}','2026-11-21T19:20:46.014414Z','sha256:10b8f66eb658ea920aad7bdc9065df50e7b4692f32266d7fa822f2b8e954a4d5',9);
INSERT INTO proposal_events VALUES(14,'evt_01a1ff8dcebe71d2a0602167752de722','wrp_01a1ff8dceb17493acc10786666c4035',4,'writeback_job_recorded','dana','{"writeback_job_id":"wbj_01a1ff8dceb17493acc10786666c4035"}','2026-11-21T19:20:46.014414Z','sha256:4a0bb63c80dd216ac6b858a2cc57a9cd5aefba7c3996dca140ee48791321fbd0',9);
INSERT INTO proposal_events VALUES(15,'evt_01a1ff8dcec574939be7bf09f62538f4','wrp_01a1ff8dcec477fc8d7e977827f0bb4d',1,'proposal_created','agent-7','{"proposal_id":"wrp_01a1ff8dcec477fc8d7e977827f0bb4d","proposal_version":1,"proposal_hash":"sha256:06e607162e901860952bd4ce8e05f720c0f99de575924bc65cd9c9cfc068e23e","content_digest":"sha256:5fe17bb51fb14907c6dd44f0a2f19973d1a4a9c0622da6b43d311fbcc4c72603","approval_digest":"sha256:f1ceb910a1048a966924e3c476598f87466180ad7f9a34c2a6a55713ce6be4ed","capability":"billing.propose_status","capability_digest":"sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe","mode":"review_required","tenant_id":"acme","principal":"agent-7","business_object":"invoices","object_id":"INV-4","source_id":"shop","operation_id":"wrp_01a1ff8dcec477fc8d7e977827f0bb4d:INV-4","expires_at":"2026-11-21T20:20:46.020236Z"}','2026-11-21T19:20:46.021111Z','sha256:142d542216131c44216b8373977d11797866424ea0d56f4a89badec3ba15c90b',10);
INSERT INTO proposal_events VALUES(16,'evt_01a1ff8dcec67415ae7778621f742e18','wrp_01a1ff8dcec477fc8d7e977827f0bb4d',2,'evidence_recorded','agent-7','{"evidence_id":"ev_01a1ff8dcec477fc8d7e9777b4eb00f3","evidence_digest":"sha256:68c34c301c0c7029c8359521ae837d2068031335eca5d9bfda367db313987ab4","audit_id":"qa_01a1ff8dcec574939be7bf086e878355","audit_digest":"sha256:e7e07751803626f53c4921559849943746f002b5ff2cc4bd9cd3f8154a3121a1"}','2026-11-21T19:20:46.021111Z','sha256:1b544a837c99550eb493b79aa3c522ee7bd41f3641773eb44833b5c3bbd5dd02',10);
INSERT INTO proposal_events VALUES(17,'evt_01a1ff8dcece7288a708e22c850cd462','wrp_01a1ff8dcec477fc8d7e977827f0bb4d',3,'proposal_approved','dana','{"approval_digest":"sha256:f1ceb910a1048a966924e3c476598f87466180ad7f9a34c2a6a55713ce6be4ed","proposal_hash":"sha256:06e607162e901860952bd4ce8e05f720c0f99de575924bc65cd9c9cfc068e23e","proposal_version":1,"operator":{"account":"dana","uid":1000,"note":"on call"},"reason":"looks right"}','2026-11-21T19:20:46.030680Z','sha256:5b76af90eb6c3842f1977b3c4c5f6ff98254276e680f40a3fbeaccb7d29df7a2',11);
INSERT INTO proposal_events VALUES(18,'evt_01a1ff8dcece7288a708e22dc6c69275','wrp_01a1ff8dcec477fc8d7e977827f0bb4d',4,'writeback_job_recorded','dana','{"writeback_job_id":"wbj_01a1ff8dcec477fc8d7e977827f0bb4d"}','2026-11-21T19:20:46.030680Z','sha256:9f1a25ed91698e86870f566155939b9b31989f48c55b9844963a42c1adf96e40',11);
INSERT INTO proposal_events VALUES(19,'evt_01a1ff8dced27754b75e0bc35e4b9186','wrp_01a1ff8dcec477fc8d7e977827f0bb4d',5,'writeback_attempt_claimed','dana','{"attempt":1,"holder":"worker","lease_id":"lease_01a1ff8dced27754b75e0bc2a7b0057d"}','2026-11-21T19:20:46.034862Z','sha256:a2349d94d5989023ac1ef27e0d30576728def1d7e65e130a8b5e2202e1d8fbc2',12);
INSERT INTO proposal_events VALUES(20,'evt_01a1ff8dced67062b7f2fe0d8cf3506b','wrp_01a1ff8dcec477fc8d7e977827f0bb4d',6,'writeback_unknown','dana','{"attempt":1,"report":{"outcome":"unknown","code":"DATABASE_UNAVAILABLE","rows_affected":0,"transient":false}}','2026-11-21T19:20:46.038594Z','sha256:286be0f8e0a813ec5dbfe3492765dc7b52a1e308bc44ee67bd4e862a26cc0bd5',13);
INSERT INTO proposal_events VALUES(21,'evt_01a1ff8dcedd76af9de2d7f8c5ecf3da','wrp_01a1ff8dcedc70a3aac98e22de9f872d',1,'proposal_created','agent-7','{"proposal_id":"wrp_01a1ff8dcedc70a3aac98e22de9f872d","proposal_version":1,"proposal_hash":"sha256:5e95d0dc7efcedf29832734e8959ac137b41006ab3c290505dac1ec980dfb89b","content_digest":"sha256:4902c21554f2da7408b6826ead11d78c4dc63e45b03990c23bcef60850a00652","approval_digest":"sha256:f34496e882f7a0ba86c3b6dcd10c625721bd9afaca0317d5c12826493a296438","capability":"billing.propose_status","capability_digest":"sha256:38a5be91af79d7e5ba9809bf383c699b6864ee50446239fe56a45e32b84638fe","mode":"review_required","tenant_id":"acme","principal":"agent-7","business_object":"invoices","object_id":"INV-5","source_id":"shop","operation_id":"wrp_01a1ff8dcedc70a3aac98e22de9f872d:INV-5","expires_at":"2026-11-21T20:20:46.044177Z"}','2026-11-21T19:20:46.045023Z','sha256:43bf03fd1a02e7d23b6563cc09a607a05f274f120078dfa459bceb2a175fa04f',14);
INSERT INTO proposal_events VALUES(22,'evt_01a1ff8dcedd76af9de2d7f9d4ea32bf','wrp_01a1ff8dcedc70a3aac98e22de9f872d',2,'evidence_recorded','agent-7','{"evidence_id":"ev_01a1ff8dcedc70a3aac98e2158ed5db5","evidence_digest":"sha256:1e9f2b3a4010dea2d78e017a4e6ea69154749a9ccf296aa5c8732102eaf6f191","audit_id":"qa_01a1ff8dcedc70a3aac98e233c60e52d","audit_digest":"sha256:a1afb9ec766ef766471d016d76393a6ce464c5ff1746f7d8cfccd4ab093b87f6"}','2026-11-21T19:20:46.045023Z','sha256:1ecdde710dffb69abb74aebf486b3ec11ac79eaed80a61ea516c0e3c5d8d4037',14);
INSERT INTO proposal_events VALUES(23,'evt_01a1ff8dcee6763fb4c48adff591fe10','wrp_01a1ff8dcedc70a3aac98e22de9f872d',3,'proposal_rejected','dana','{"operator":{"account":"dana","uid":1000,"note":"on call"},"proposal_hash":"sha256:5e95d0dc7efcedf29832734e8959ac137b41006ab3c290505dac1ec980dfb89b","reason":"too much"}','2026-11-21T19:20:46.054641Z','sha256:210f128a226cde9ca67723926cb8999b41c27eeaf25613469257443a80651851',15);
CREATE TABLE approvals (
  proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
  status TEXT NOT NULL,
  proposal_version INTEGER NOT NULL,
  proposal_hash TEXT NOT NULL,
  approval_digest TEXT,
  approver TEXT NOT NULL,
  approver_uid INTEGER NOT NULL,
  note TEXT,
  role TEXT,
  reason TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (proposal_id, status)
) STRICT, WITHOUT ROWID;
INSERT INTO approvals VALUES('wrp_01a1ff8dce8870228990cb1ced030606','approved',1,'sha256:b0d6c67c261143bb91bff0e8b54e66a00c00e47c6e7f57ba1b453b3167199399','sha256:a4847acd3a2a5d19c46088c154b1effee2eabc1a3df3b0ddcaaee560ba517047','dana',1000,'on call',NULL,'looks right','2026-11-21T19:20:45.973175Z');
INSERT INTO approvals VALUES('wrp_01a1ff8dceb17493acc10786666c4035','approved',1,'sha256:d59582f3a907ac9efe4777a60d48d58fddb73ae6016980648becf6ea5bd48a26','sha256:d4318b79558d3688818a25df2bc8ebb675439c2ad964204fe1b1f2afa0210b68','dana',1000,'on call',NULL,'looks right','2026-11-21T19:20:46.014414Z');
INSERT INTO approvals VALUES('wrp_01a1ff8dcec477fc8d7e977827f0bb4d','approved',1,'sha256:06e607162e901860952bd4ce8e05f720c0f99de575924bc65cd9c9cfc068e23e','sha256:f1ceb910a1048a966924e3c476598f87466180ad7f9a34c2a6a55713ce6be4ed','dana',1000,'on call',NULL,'looks right','2026-11-21T19:20:46.030680Z');
INSERT INTO approvals VALUES('wrp_01a1ff8dcedc70a3aac98e22de9f872d','rejected',1,'sha256:5e95d0dc7efcedf29832734e8959ac137b41006ab3c290505dac1ec980dfb89b',NULL,'dana',1000,'on call',NULL,'too much','2026-11-21T19:20:46.054641Z');
CREATE TABLE writeback_jobs (
  proposal_id TEXT PRIMARY KEY REFERENCES proposals (proposal_id),
  writeback_job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  holder TEXT,
  lease_id TEXT,
  lease_expires_at INTEGER,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO writeback_jobs VALUES('wrp_01a1ff8dce8870228990cb1ced030606','wbj_01a1ff8dce8870228990cb1ced030606',2,'worker','lease_01a1ff8dceab776d85d48aaaf4802d9e',NULL,'2026-11-21T19:20:45.973175Z');
INSERT INTO writeback_jobs VALUES('wrp_01a1ff8dceb17493acc10786666c4035','wbj_01a1ff8dceb17493acc10786666c4035',0,NULL,NULL,NULL,'2026-11-21T19:20:46.014414Z');
INSERT INTO writeback_jobs VALUES('wrp_01a1ff8dcec477fc8d7e977827f0bb4d','wbj_01a1ff8dcec477fc8d7e977827f0bb4d',1,'worker','lease_01a1ff8dced27754b75e0bc2a7b0057d',NULL,'2026-11-21T19:20:46.030680Z');
CREATE TABLE writeback_receipts (
  proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
  sequence INTEGER NOT NULL,
  writeback_job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  receipt_json TEXT NOT NULL,
  created_at TEXT NOT NULL, checksum INTEGER, shape INTEGER, object_id TEXT, at_micros INTEGER,
  PRIMARY KEY (proposal_id, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO writeback_receipts VALUES('wrp_01a1ff8dce8870228990cb1ced030606',6,'wbj_01a1ff8dce8870228990cb1ced030606',1,'failed','wrp_01a1ff8dce8870228990cb1ced030606:INV-2','{"schema_version":"synapsor.execution-receipt.v1","writeback_job_id":"wbj_01a1ff8dce8870228990cb1ced030606","proposal_id":"wrp_01a1ff8dce8870228990cb1ced030606","runner_id":"worker","status":"failed","rows_affected":0,"idempotency_key":"wrp_01a1ff8dce8870228990cb1ced030606:INV-2","source_database_mutated":false,"executed_at":"2026-11-21T19:20:45.981947Z","safe_error_code":"DATABASE_UNAVAILABLE","receipt_hash":"sha256:ee95fdb546529f984f73c1c197f759dfb058b38857afd295de9637274d3619fa"}','2026-11-21T19:20:45.981947Z',1832504331624551816,2,'INV-2',1795288845981947);
INSERT INTO writeback_receipts VALUES('wrp_01a1ff8dce8870228990cb1ced030606',8,'wbj_01a1ff8dce8870228990cb1ced030606',2,'applied','wrp_01a1ff8dce8870228990cb1ced030606:INV-2','{"schema_version":"synapsor.execution-receipt.v1","writeback_job_id":"wbj_01a1ff8dce8870228990cb1ced030606","proposal_id":"wrp_01a1ff8dce8870228990cb1ced030606","runner_id":"worker","status":"applied","rows_affected":0,"idempotency_key":"wrp_01a1ff8dce8870228990cb1ced030606:INV-2","source_database_mutated":true,"executed_at":"2026-11-21T19:20:46.000318Z","receipt_hash":"sha256:c2472e83478dba2b819e6096b70a46c7cd1bb5c214bc659f7e56ac8d6d482f1e"}','2026-11-21T19:20:46.000318Z',-3139684707831917334,2,'INV-2',1795288846000318);
CREATE TABLE shapes (
  shape INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  capability TEXT NOT NULL,
  principal TEXT NOT NULL,
  source_id TEXT NOT NULL,
  table_name TEXT NOT NULL,
  business_object TEXT NOT NULL,
  query_fingerprint TEXT NOT NULL,
  UNIQUE (tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint)
) STRICT;
INSERT INTO shapes VALUES(1,'acme','shown','billing.propose_status','agent-7','shop','public.invoices','invoices','sha256:a8b771920b8319e47251d1360f5e880bc18e8d329b0f0d003ea3c7e615558947');
INSERT INTO shapes VALUES(2,'acme','review_required','billing.propose_status','agent-7','shop','public.invoices','invoices','sha256:ab');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('proposal_events',23);
CREATE UNIQUE INDEX proposals_open_content ON proposals (content_digest) WHERE open = 1;
CREATE INDEX proposals_by_time ON proposals (at_micros, proposal_id, shape);
CREATE INDEX proposals_by_shape ON proposals (shape, status, at_micros, proposal_id);
CREATE INDEX proposals_by_object ON proposals (object_id, at_micros, proposal_id, shape);
CREATE INDEX proposals_by_evidence ON proposals (evidence_id);
CREATE INDEX query_audit_by_shape ON query_audit (shape, at_micros, audit_id);
CREATE INDEX query_audit_by_object ON query_audit (object_id, at_micros, audit_id, shape);
CREATE INDEX diagnostics_by_time ON diagnostics (at_micros, diagnostic_id);
CREATE INDEX diagnostics_by_tenant ON diagnostics (tenant_id, at_micros, diagnostic_id, capability);
CREATE INDEX diagnostics_by_capability ON diagnostics (capability, at_micros, diagnostic_id, tenant_id);
CREATE INDEX writeback_receipts_by_time ON writeback_receipts (at_micros, proposal_id, sequence, shape);
CREATE INDEX writeback_receipts_by_shape ON writeback_receipts (shape, status, at_micros, proposal_id, sequence);
CREATE INDEX writeback_receipts_by_object ON writeback_receipts (object_id, at_micros, proposal_id, sequence, shape);
CREATE INDEX writeback_jobs_by_id ON writeback_jobs (writeback_job_id);
COMMIT;

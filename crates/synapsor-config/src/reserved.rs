//! Which names are not for a model, and which are not for the file?

/// Values that only the trusted context or the review decides.
const TRUST_FIELDS: &[&str] = &[
    "tenant_id",
    "tenantId",
    "principal",
    "principal_id",
    "principalId",
    "project_id",
    "projectId",
    "source_id",
    "sourceId",
    "allowed_columns",
    "allowedColumns",
    "row_version",
    "rowVersion",
    "current_version",
    "currentVersion",
    "expected_version",
    "expectedVersion",
    "approval_identity",
    "approvalIdentity",
];

/// Names of parts of a statement, which a model never chooses.
const IDENTIFIER_FIELDS: &[&str] = &[
    "table",
    "table_name",
    "tableName",
    "schema",
    "schema_name",
    "schemaName",
    "column",
    "columns",
    "column_name",
    "columnName",
    "database",
    "database_name",
    "databaseName",
];

/// Members that would put a database's address into the file.
const URL_MEMBERS: &[&str] =
    &["url", "database_url", "databaseUrl", "read_url", "readUrl", "write_url", "writeUrl", "connection_string", "connectionString"];

/// Members that would put a statement into the file.
const SQL_MEMBERS: &[&str] = &["sql", "raw_sql", "rawSql", "statement", "query_sql", "querySql"];

/// Whether only the trusted context or the review decides this value.
pub fn is_trust_field(name: &str) -> bool {
    TRUST_FIELDS.contains(&name)
}

/// Whether the name would let a model choose a part of a statement.
pub fn is_identifier_field(name: &str) -> bool {
    IDENTIFIER_FIELDS.contains(&name)
}

pub(crate) fn is_url_member(name: &str) -> bool {
    URL_MEMBERS.contains(&name)
}

pub(crate) fn is_sql_member(name: &str) -> bool {
    SQL_MEMBERS.contains(&name)
}

//! Is a value of any type exact or refused, never changed?
//!
//! The table `seen` has one column per type, and its rows are written by plain SQL. Every row is read; what was read is
//! written by the guarded transaction into the same row of `made`; then the database itself compares the two tables, in its
//! own text. What a row holds and JSON does not carry must be refused by its column.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use synapsor_protocol::id::{JobId, ProposalId};
use synapsor_protocol::preparse::{self, Limits};
use synapsor_protocol::{Columns, Digest, Identifier, OperationId, Scalar};
use synapsor_source::guarded::{Advance, Change, Claim, Guard};
use synapsor_source::{CheckedTable, CheckedValue, Source, SourceError, WriteSource};

use crate::business::{Business, checked, name, on_each_engine, said};
use crate::generate::Random;
use crate::samples::{Sample, proposals, samples};

/// What the values come from; a failure names it, and another one may be given by name.
static SEED: LazyLock<u64> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "whoever looks for more may try other seeds")]
    std::env::var("SYNAPSOR_TEST_SEED").map_or(20_261_121, |seed| seed.parse().unwrap())
});
/// Rows that cannot be read begin here.
const UNREADABLE: usize = 100_000;
/// So many rows are written at once.
const LANES: usize = 4;

on_each_engine! {
    every_stored_value_is_read_exactly_and_written_back_unchanged
    a_stored_value_that_json_does_not_carry_is_refused_by_its_column
    a_proposed_value_is_stored_as_the_database_itself_reads_it_or_refused
    bytes_of_more_than_768_kib_are_refused_by_their_column
}

/// TRAPS 1 and 16: a value that loses digits, its zone or its form on the way never equals the row that holds it.
async fn every_stored_value_is_read_exactly_and_written_back_unchanged(business: &Business) {
    let samples = samples(business, &mut Random::new(*SEED));
    let rows = samples.iter().map(|sample| sample.carried.len()).max().unwrap();
    create(business, &["seen", "made"], &samples);
    let cell = |sample: &Sample, row: usize| sample.carried.get(row).cloned().unwrap_or_else(|| "null".to_owned());
    insert(business, "seen", &samples, (0..rows).map(|row| (row, samples.iter().map(|sample| cell(sample, row)).collect())));
    run(business, "insert into made (id, tenant_id, version) select id, tenant_id, version from seen");

    let seen = Trip::open(business, "seen", &samples).await;
    let made = Trip::open(business, "made", &samples).await;
    let mut read = Vec::new();
    for row in 0..rows {
        read.push(seen.read(row).await.unwrap_or_else(|error| panic!("row {row} of seed {}: {}", *SEED, words(&error))));
    }
    let patches = read.iter().enumerate().map(|(row, held)| (row, made.patch(held, row))).collect();
    made.write(patches).await;
    for (row, held) in read.iter().enumerate() {
        let mut again = made.read(row).await.unwrap();
        again.insert(name("version"), 1.into());
        assert_eq!(again, *held, "row {row} of seed {}", *SEED);
    }
    for (at, sample) in samples.iter().enumerate() {
        let column = format!("c{at}");
        unchanged(business, sample, &column);
        if sample.distinct {
            distinct(business, sample, &column, &read);
        }
    }
}

async fn a_stored_value_that_json_does_not_carry_is_refused_by_its_column(business: &Business) {
    let samples = samples(business, &mut Random::new(*SEED));
    create(business, &["seen"], &samples);
    let mut wanted = Vec::new();
    for (at, sample) in samples.iter().enumerate() {
        wanted.extend(sample.refused.iter().map(|expression| (at, expression.clone())));
    }
    let cells =
        |at: usize, expression: &str| (0..samples.len()).map(|other| if other == at { expression } else { "null" }.to_owned()).collect();
    let rows = wanted.iter().enumerate().map(|(row, (at, expression))| (UNREADABLE + row, cells(*at, expression)));
    insert(business, "seen", &samples, rows);
    let seen = Trip::open(business, "seen", &samples).await;
    for (row, (at, expression)) in wanted.iter().enumerate() {
        let declared = &samples[*at].declared;
        match seen.read(UNREADABLE + row).await {
            Err(SourceError::Unrepresentable { column, .. }) => assert_eq!(column.as_str(), format!("c{at}"), "{declared}: {expression}"),
            other => panic!("{declared}: {expression} gives {other:?}"),
        }
    }
}

async fn a_proposed_value_is_stored_as_the_database_itself_reads_it_or_refused(business: &Business) {
    let proposals = proposals(business, &mut Random::new(*SEED));
    let samples: Vec<Sample> = proposals.iter().map(|(sample, _)| sample.clone()).collect();
    create(business, &["seen", "made"], &samples);
    let made = Trip::open(business, "made", &samples).await;
    // What is accepted goes into `made` as a proposal and into `seen` as the words that were given.
    let mut accepted: Vec<Vec<(String, CheckedValue)>> = Vec::new();
    for (at, (_, given)) in proposals.iter().enumerate() {
        let held = given.iter().filter_map(|text| made.check(at, text));
        accepted.push(held.collect());
        let (kept, all) = (accepted[at].len(), given.len());
        assert!(kept > 40 && kept < all, "{}: {kept} of {all} are accepted", proposals[at].0.declared);
    }
    let rows = accepted.iter().map(Vec::len).max().unwrap();
    let cell = |at: usize, row: usize| {
        accepted[at].get(row).map_or_else(|| "null".to_owned(), |(text, _)| proposals[at].0.literal(business, text))
    };
    insert(business, "seen", &samples, (0..rows).map(|row| (row, (0..samples.len()).map(|at| cell(at, row)).collect())));
    run(business, "insert into made (id, tenant_id, version) select id, tenant_id, version from seen");
    let patch = |row: usize| {
        let held = accepted.iter().enumerate().filter_map(|(at, values)| Some((name(&format!("c{at}")), values.get(row)?.1.clone())));
        (row, held.collect())
    };
    made.write((0..rows).map(patch).collect()).await;
    for (at, sample) in samples.iter().enumerate() {
        unchanged(business, sample, &format!("c{at}"));
    }
}

async fn bytes_of_more_than_768_kib_are_refused_by_their_column(business: &Business) {
    let (declared, bytes) = match () {
        () if business.is_sqlite() => ("blob", "zeroblob(786432)"),
        () if business.is_mysql() => ("mediumblob", "cast(repeat(x'00', 786432) as binary)"),
        () => ("bytea", "decode(repeat('00', 786432), 'hex')"),
    };
    run(
        business,
        &format!("create table seen (id integer primary key, tenant_id varchar(20) not null, version bigint not null, c0 {declared})"),
    );
    let further = if business.is_mysql() {
        "concat(c0, x'00')"
    } else if business.is_sqlite() {
        "zeroblob(786433)"
    } else {
        "c0 || '\\x00'::bytea"
    };
    run(
        business,
        &format!("insert into seen values (1, 'acme', 1, {bytes}), (2, 'acme', 1, {bytes}); update seen set c0 = {further} where id = 2"),
    );
    let source = business.source();
    let table = checked(source.check(&business.usage("seen", &["c0"], &["c0"])).await);
    let read =
        async |row: i64| source.read(&table, &table.key(&row.into()).unwrap(), Some(&table.tenant(&"acme".into()).unwrap()), 1).await;
    assert_eq!(read(1).await.unwrap()[0][&name("c0")].plain_text().len(), 1 << 20);
    assert_eq!(
        words(&read(2).await.unwrap_err()),
        "column `c0` of source `desk` holds a value that cannot be represented: larger than 786432 bytes"
    );
}

/// One of the two tables, opened for reading and for the guarded transaction.
struct Trip {
    source: Source,
    writer: WriteSource,
    table: CheckedTable,
    columns: Vec<Identifier>,
}

impl Trip {
    async fn open(business: &Business, table: &str, samples: &[Sample]) -> Arc<Self> {
        let named: Vec<String> = (0..samples.len()).map(|at| format!("c{at}")).collect();
        let columns: Vec<&str> = named.iter().map(String::as_str).collect();
        let (source, writer) = (business.source(), business.writer());
        let table = checked(writer.check(&business.usage(table, &columns, &columns)).await);
        Arc::new(Self { source, writer, table, columns: columns.into_iter().map(name).collect() })
    }

    async fn read(&self, row: usize) -> Result<Columns, SourceError> {
        let key = self.table.key(&Scalar::from(i64::try_from(row).unwrap())).unwrap();
        let tenant = self.table.tenant(&"acme".into()).unwrap();
        let mut rows = self.source.read(&self.table, &key, Some(&tenant), 2).await?;
        assert_eq!(rows.len(), 1, "row {row}");
        let held = rows.remove(0);
        // What leaves as JSON comes back as the same value.
        let again: Columns = serde_json::from_str(&serde_json::to_string(&held).unwrap()).unwrap();
        assert_eq!(again, held);
        Ok(held)
    }

    /// Every value that was read, checked as a proposal: a canonical form is its own.
    fn patch(&self, held: &Columns, row: usize) -> Vec<(Identifier, CheckedValue)> {
        let checked = self.columns.iter().map(|column| {
            let scalar = &held[column];
            let value =
                self.table.value(column, scalar).unwrap_or_else(|error| panic!("row {row} of seed {}: {column} {scalar}: {error}", *SEED));
            assert_eq!(value.scalar(), scalar, "row {row} of seed {}", *SEED);
            (column.clone(), value)
        });
        checked.collect()
    }

    /// The proposed text as a string, or as the number that it spells, if the column takes it; with what was taken.
    fn check(&self, at: usize, text: &str) -> Option<(String, CheckedValue)> {
        let spelled = |scalar: &Scalar| Some((scalar.plain_text(), self.table.value(&self.columns[at], scalar).ok()?));
        // What the pre-parser refuses never gets here.
        let arrives = || preparse::check(text.as_bytes(), Limits::DEFAULT).is_ok();
        let number = || serde_json::from_str::<Scalar>(text).ok().filter(|scalar| arrives() && matches!(scalar, Scalar::Number(_)));
        spelled(&text.into()).or_else(|| spelled(&number()?))
    }

    /// Applies each patch to its row, several at once.
    async fn write(self: &Arc<Self>, patches: Vec<(usize, Vec<(Identifier, CheckedValue)>)>) {
        let mut lanes: Vec<Vec<_>> = (0..LANES).map(|_| Vec::new()).collect();
        for (at, patch) in patches.into_iter().enumerate() {
            lanes[at % LANES].push(patch);
        }
        let run = |lane: Vec<(usize, Vec<(Identifier, CheckedValue)>)>| {
            let trip = self.clone();
            tokio::spawn(async move {
                for (row, patch) in lane {
                    let report = trip.writer.apply(&trip.change(row, patch)).await;
                    assert!(said(&report).starts_with("applied"), "row {row} of seed {}: {} {:?}", *SEED, said(&report), report.detail);
                }
            })
        };
        for lane in lanes.into_iter().map(run).collect::<Vec<_>>() {
            lane.await.unwrap();
        }
    }

    fn change(&self, row: usize, patch: Vec<(Identifier, CheckedValue)>) -> Change {
        Change {
            claim: Claim {
                operation_id: OperationId::new(&format!("wrp_{row}:{row}")).unwrap(),
                proposal_id: ProposalId::new(&format!("wrp_{row}")).unwrap(),
                proposal_hash: Digest::of_bytes(b"round trip"),
                job_id: JobId::new(&format!("wbj_{row}")).unwrap(),
                attempt: 1,
                action: "desk.round_trip".to_owned(),
            },
            table: self.table.clone(),
            key: self.table.key(&Scalar::from(i64::try_from(row).unwrap())).unwrap(),
            tenant: Some(self.table.tenant(&"acme".into()).unwrap()),
            guard: Guard::Version { column: name("version"), expected: 1.into(), advance: Advance::Auto, row: None },
            patch,
        }
    }
}

/// The database finds no row in which the two tables differ.
fn unchanged(business: &Business, sample: &Sample, column: &str) {
    let same = sample.same(business, &format!("s.{column}"), &format!("m.{column}"));
    let (left, right) = (sample.shown(business, &format!("s.{column}")), sample.shown(business, &format!("m.{column}")));
    let found = query(
        business,
        &format!("select s.id, {left}, {right} from seen s join made m on s.id = m.id where not ({same}) order by s.id limit 5"),
    );
    assert_eq!(found, "", "{} of seed {} changed", sample.declared, *SEED);
}

/// Rows that read alike are alike to the database.
fn distinct(business: &Business, sample: &Sample, column: &str, read: &[Columns]) {
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    let mut pairs = Vec::new();
    for (row, held) in read.iter().enumerate() {
        let first = *groups.entry(held[&name(column)].to_string()).or_insert(row);
        if first != row {
            pairs.push(format!("(s.id = {first} and m.id = {row})"));
        }
    }
    let same = sample.same(business, &format!("s.{column}"), &format!("m.{column}"));
    for some in pairs.chunks(200) {
        let found =
            query(business, &format!("select s.id, m.id from seen s, seen m where ({}) and not ({same}) limit 5", some.join(" or ")));
        assert_eq!(found, "", "{} of seed {}: two values read alike", sample.declared, *SEED);
    }
}

fn create(business: &Business, tables: &[&str], samples: &[Sample]) {
    for prepare in samples.iter().filter_map(|sample| sample.prepare) {
        run(business, prepare);
    }
    let columns: Vec<String> = samples.iter().enumerate().map(|(at, sample)| format!("c{at} {}", sample.declared)).collect();
    for table in tables {
        run(
            business,
            &format!(
                "create table {table} (id integer primary key, tenant_id varchar(20) not null, version bigint not null, {})",
                columns.join(", ")
            ),
        );
    }
}

fn insert(business: &Business, table: &str, samples: &[Sample], rows: impl Iterator<Item = (usize, Vec<String>)>) {
    let columns: Vec<String> = (0..samples.len()).map(|at| format!("c{at}")).collect();
    let rows: Vec<String> = rows.map(|(row, cells)| format!("({row}, 'acme', 1, {})", cells.join(", "))).collect();
    for some in rows.chunks(20) {
        run(business, &format!("insert into {table} (id, tenant_id, version, {}) values {}", columns.join(", "), some.join(", ")));
    }
}

/// Runs a statement as it is: what the business makes of a statement for MySQL would change the values.
fn run(business: &Business, sql: &str) {
    if business.is_mysql() { business.mysql_server().execute(sql) } else { business.execute(sql) }
}

fn query(business: &Business, sql: &str) -> String {
    if business.is_mysql() { business.mysql_server().table(sql) } else { business.table(sql) }
}

fn words(error: &SourceError) -> String {
    format!("{error}: {}", std::error::Error::source(error).map(ToString::to_string).unwrap_or_default())
}

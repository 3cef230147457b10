//! A handler whose application keeps its data in a store of its own: here a map in memory, so that the rules stand out.
//!
//! What an engine would give is done by hand, all under one lock, which is this store's transaction: claim, compare, change,
//! keep the receipt.

#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use synapsor_handler::{Carried, Digest, ErrorCode, Expected, Handler, Job, Known, Outcome, Report, Scalar, Store};
use tokio::net::TcpListener;

/// Flags by tenant and name, with a version each, and what was done already.
#[derive(Clone, Default)]
struct Flags(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    flags: HashMap<(String, String), (bool, i64)>,
    receipts: HashMap<String, (Digest, Report)>,
}

impl Flags {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, job: &Job) -> Report {
        let mut state = self.lock();
        let order = job.order();
        // Claim: the same operation gets the same answer, and another change under its id gets none.
        if let Some((hash, report)) = state.receipts.get(job.operation_id()) {
            return match (*hash == order.proposal_hash, report.outcome) {
                (false, _) => Report::because(Outcome::Failed, ErrorCode::IDEMPOTENCY_KEY_REUSED),
                (true, Outcome::Applied) => Report { outcome: Outcome::AlreadyApplied, rows_affected: 0, ..report.clone() },
                (true, _) => report.clone(),
            };
        }
        let report = change(&mut state, job);
        // Kept together with the change: this store loses both or neither.
        if report.outcome.is_receipt() {
            state.receipts.insert(job.operation_id().to_owned(), (order.proposal_hash.clone(), report.clone()));
        }
        report
    }
}

/// Compares, then changes. Until the last line nothing is different.
fn change(state: &mut State, job: &Job) -> Report {
    let key = (job.tenant_id().to_owned(), job.object_id().to_owned());
    let Some((flag, version)) = state.flags.get_mut(&key) else {
        return Report::because(Outcome::Conflict, ErrorCode::ROW_NOT_FOUND);
    };
    let found = Scalar::from(*version);
    match &job.order().expected {
        Expected::Version(held) if held.value == found => {}
        _ => return Report { previous_version: Some(found), ..Report::because(Outcome::Conflict, ErrorCode::VERSION_CONFLICT) },
    }
    let Ok(enabled) = job.patch().boolean("enabled") else {
        return Report::because(Outcome::Failed, ErrorCode::HANDLER_BUSINESS_ERROR);
    };
    (*flag, *version) = (enabled, *version + 1);
    Report { rows_affected: 1, previous_version: Some(found), new_version: Some((*version).into()), ..Report::new(Outcome::Applied) }
}

impl Store for Flags {
    fn knows(&self, action: &str) -> Option<Known> {
        (action == "flags.propose_flag").then_some(Known { rehearsable: false })
    }

    fn carry_out(&self, job: Job) -> Carried<'_> {
        Box::pin(async move { self.set(&job) })
    }

    fn rehearse(&self, _: Job) -> Carried<'_> {
        Box::pin(async { Report::because(Outcome::Failed, ErrorCode::DRY_RUN_UNSUPPORTED) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::default();
    flags.lock().flags.insert(("acme".to_owned(), "dark_mode".to_owned()), (false, 1));
    let token = std::env::args().nth(1).ok_or("usage: own_store TOKEN")?;
    let handler = Handler::builder().bearer_token(token).store(flags).build()?;
    let app = Router::new().route_service("/synapsor/writeback", handler);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/synapsor/writeback", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

//! What must a handler do?
//!
//! The whole list, in the order in which it is played: what works, who is let in, what is read, whose row it is, what comes
//! twice, what fails. What holds of every answer is judged at the end, in `answers.rs`.

mod admission;
mod failures;
mod moments;
mod repeats;
mod requests;
mod rows;

use http::Method;

use super::ask::{Ask, Form};
use super::scenario::{Expect, Scenario, Step};

/// Every scenario.
pub(super) fn all() -> Vec<Scenario> {
    let parts = [works(), admission::all(), moments::all(), requests::all(), rows::all(), repeats::all(), failures::all()];
    parts.into_iter().flatten().collect()
}

/// What works.
fn works() -> Vec<Scenario> {
    let method = |name, about, method: Method| {
        Scenario::new(name, about)
            .or_else("an executor with this `method` cannot use the handler", "route POST, PUT and PATCH to the same function")
            .send(Ask { method, ..Ask::good() }, Expect::Applied)
            .effects(1)
    };
    let form = |name, about, form: Form| {
        Scenario::new(name, about)
            .or_else(
                "a sender that writes only this form cannot use the handler",
                "read each member from the top of the body and from `change_set`, whichever has it",
            )
            .send(Ask { form, ..Ask::good() }, Expect::Applied)
            .effects(1)
    };
    vec![
        Scenario::new("valid", "a well-formed, well-signed request is applied, once")
            .or_else(
                "the handler does not do what it is there for, or `observe` does not count one effect for one change",
                "start here: the request is the one the runner sends; look into the handler's log",
            )
            .send(Ask::good(), Expect::Applied)
            .effects(1),
        Scenario::new("version-moves", "after the change the row has another version, and the receipt names both")
            .or_else(
                "a second proposal that saw the old row can be applied over the first one",
                "if the effect does not move the version column, move it in the same transaction; read it back for the receipt",
            )
            .send(Ask::good(), Expect::Applied)
            .step(Step::Look)
            .effects(1),
        form("flat-form", "the flat form alone is understood", Form::Flat),
        form("nested-form", "the form with `change_set` alone is understood", Form::Nested),
        method("method-put", "PUT is served as POST is", Method::PUT),
        method("method-patch", "PATCH is served as POST is", Method::PATCH),
        Scenario::new("method-other", "GET and DELETE are not served")
            .or_else("a link can change a row", "answer 405 with `METHOD_NOT_ALLOWED`")
            .send(Ask { method: Method::GET, ..Ask::good() }, Expect::Unwelcome)
            .send(Ask { method: Method::DELETE, ..Ask::good() }, Expect::Unwelcome),
    ]
}

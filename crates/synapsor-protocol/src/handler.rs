//! What does an application's handler get, and what does it answer?
//!
//! One request, one receipt, and the signatures of a request. The request that we write is both of the forms that handlers
//! read: the flat one and the one with a `change_set` inside. Either is read.
//!
//! # Invariants
//! - Where a request says a thing twice, it says the same: one that contradicts itself is refused.
//! - Nothing here compares a secret except in constant time, and no error repeats a value of the request.
//!
//! Start reading at [`request`], then [`signature`] and [`receipt`].

pub mod receipt;
pub mod request;
pub mod signature;

mod order;

pub use order::{Expected, Order, RequestError, parse};
pub use receipt::{HandlerReceipt, HandlerStatus, ReceiptError};
pub use request::{Delivery, HandlerRequest};
pub use signature::{Presented, Signatures, SigningSecret};

//! Which request is sent?
//!
//! An [`Ask`] says in which ways a request differs from a good one. What a good one is, the fixture and the row that was looked
//! at say; [`Ask::request`] puts them together, signs last, and so may sign what is wrong.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::{Value, json};
use synapsor_protocol::handler::signature::{SYNAPSOR_ISSUED_AT, SYNAPSOR_SIGNATURE, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use synapsor_protocol::handler::{Signatures, SigningSecret};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Columns, Digest, Number, OperationId, Scalar, Secret, Timestamp};

use super::fixture::Fixture;
use super::play::Keys;

/// One request to come: the fixture's change, well formed and well signed, unless said otherwise.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) form: Form,
    /// Which operation of the scenario.
    pub(super) operation: usize,
    pub(super) attempt: u32,
    pub(super) patch: Patch,
    pub(super) version: Version,
    pub(super) row: Row,
    /// When the body says that it was sent, in tolerances from now.
    pub(super) issued: f64,
    /// What the header beside it says instead.
    pub(super) header_at: Option<f64>,
    pub(super) dry_run: bool,
    /// Members by their JSON pointers; without a value they are taken away.
    pub(super) edits: Vec<(&'static str, Option<Value>)>,
    pub(super) damage: Option<Damage>,
    pub(super) token: Token,
    pub(super) signing: Signing,
    /// Headers that replace those of a good request; without a value they are taken away.
    pub(super) headers: Vec<(&'static str, Option<&'static str>)>,
}

/// Which of the two forms a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Both,
    Flat,
    Nested,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch {
    Good,
    Refused,
    /// What is no text is one, and dangerous where values are put into statements.
    Hostile,
}

/// Which version the request expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// The one at the scenario's beginning.
    First,
    /// The one that was last looked at.
    Seen,
    /// One that differs from the first in the last digit of its fraction.
    Almost,
    /// One that a careless reader takes for the first: a number with a half more.
    Near,
}

/// Which row the request names, always for the own tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    Own,
    Missing,
    Others,
    /// A key that is dangerous where values are put into statements.
    Hostile,
    /// The other tenant's row, with the key's column as the column of the tenant: it matches, and guards nothing.
    GuardedByKey,
    /// The own row, its tenant in other letters: small ones large, large ones small.
    TenantInOtherCase,
    /// The own row, with a blank behind its tenant.
    TenantWithBlank,
    /// The own row, its key in other letters.
    KeyInOtherCase,
}

/// What is done to the bytes of a body before they are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// These bytes instead.
    Instead(&'static [u8]),
    /// The first half.
    Cut,
    /// A member twice.
    Twice,
    /// This text as the value of a member that nobody knows.
    Note(&'static str),
    /// A byte that is no UTF-8 in it.
    NotUtf8,
    /// Forty levels of it.
    Deep,
    /// More than 1 MiB of it.
    Large,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Right,
    None,
    Wrong,
    /// All but its last byte.
    Cut,
    /// The right one, not as a bearer.
    OtherScheme,
}

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Signing {
    pub(super) webhooks: Mark,
    pub(super) older: Mark,
    pub(super) with: With,
    /// What Standard Webhooks' header says instead of the body's moment, in tolerances from now.
    pub(super) webhooks_at: Option<f64>,
    /// Standard Webhooks' header says now, whatever was signed.
    pub(super) moved: bool,
    /// Signatures that are for others stand before the right one.
    pub(super) padded: bool,
    /// The id that Standard Webhooks signs is of another operation.
    pub(super) other_id: bool,
    /// The body is changed after it was signed.
    pub(super) altered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Right,
    Wrong,
    Absent,
}

/// With which secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    Current,
    Next,
    Both,
    Strange,
}

/// What requests of one scenario have in common.
pub(super) struct Scene<'a> {
    pub(super) fixture: &'a Fixture,
    pub(super) keys: &'a Keys,
    pub(super) proposals: Vec<ProposalId>,
    pub(super) first: Scalar,
    pub(super) seen: Scalar,
}

/// A text that is dangerous in a statement.
const HOSTILE: &str = "x'; drop table synapsor_conformance; --\" \\";
/// A secret that no handler has.
const STRANGE: &str = "a secret that this handler does not have";

impl Ask {
    /// A good request.
    pub(super) fn good() -> Self {
        let signing = Signing {
            webhooks: Mark::Right,
            older: Mark::Right,
            with: With::Current,
            webhooks_at: None,
            moved: false,
            padded: false,
            other_id: false,
            altered: false,
        };
        Self {
            method: Method::POST,
            form: Form::Both,
            operation: 0,
            attempt: 1,
            patch: Patch::Good,
            version: Version::First,
            row: Row::Own,
            issued: 0.0,
            header_at: None,
            dry_run: false,
            edits: Vec::new(),
            damage: None,
            token: Token::Right,
            signing,
            headers: Vec::new(),
        }
    }

    pub(super) fn issued(self, tolerances: f64) -> Self {
        Self { issued: tolerances, ..self }
    }

    pub(super) fn operation(self, operation: usize) -> Self {
        Self { operation, ..self }
    }

    pub(super) fn attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    /// With another member; `None` takes it away.
    pub(super) fn with(mut self, pointer: &'static str, value: Option<Value>) -> Self {
        self.edits.push((pointer, value));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn damaged(self, damage: Damage) -> Self {
        Self { damage: Some(damage), ..self }
    }

    pub(super) fn signed(self, edit: impl FnOnce(&mut Signing)) -> Self {
        let mut signing = self.signing;
        edit(&mut signing);
        Self { signing, ..self }
    }

    /// Signed by Standard Webhooks alone.
    pub(super) fn webhooks_alone(self) -> Self {
        self.signed(|signing| signing.older = Mark::Absent).header(SYNAPSOR_ISSUED_AT, None)
    }

    /// Signed by the older scheme alone.
    pub(super) fn older_alone(self) -> Self {
        self.signed(|signing| signing.webhooks = Mark::Absent)
    }

    /// The request, signed now.
    pub(super) fn request(&self, scene: &Scene<'_>) -> Request<Bytes> {
        let issued_at = moment(scene, self.issued).to_string();
        let body = self.body(scene, &issued_at);
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = self.method.clone();
        let headers = request.headers_mut();
        for (name, value) in self.plain_headers(scene, &issued_at).into_iter().chain(self.signatures(scene, &issued_at, &body)) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        for (name, value) in &self.headers {
            match value {
                Some(text) => drop(headers.insert(HeaderName::from_static(name), HeaderValue::from_static(text))),
                None => drop(headers.remove(*name)),
            }
        }
        *request.body_mut() = if self.signing.altered { altered(&body) } else { body };
        request
    }

    /// Headers that are neither replaced nor signatures.
    fn plain_headers(&self, scene: &Scene<'_>, issued_at: &str) -> Vec<(&'static str, String)> {
        let proposal = &scene.proposals[self.operation];
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("idempotency-key", self.operation_id(scene).to_string()),
            ("x-synapsor-proposal-id", proposal.to_string()),
            ("x-synapsor-proposal-hash", hash(proposal).to_string()),
            (SYNAPSOR_ISSUED_AT, self.header_at.map_or_else(|| issued_at.to_owned(), |at| moment(scene, at).to_string())),
        ];
        if let Some(token) = &scene.keys.token {
            let token = token.expose();
            let shown = match self.token {
                Token::Right => Some(format!("Bearer {token}")),
                Token::None => None,
                Token::Wrong => Some("Bearer the token of somebody else altogether".to_owned()),
                Token::Cut => Some(format!("Bearer {}", token.char_indices().next_back().map_or("", |(end, _)| &token[..end]))),
                Token::OtherScheme => Some(format!("Basic {token}")),
            };
            headers.extend(shown.map(|value| ("authorization", value)));
        }
        headers
    }

    fn signatures(&self, scene: &Scene<'_>, issued_at: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        let Signing { webhooks, older, with, webhooks_at, moved, padded, other_id, .. } = self.signing;
        let strange = SigningSecret::new(&Secret::new(STRANGE.to_owned())).ok();
        let keys: Vec<SigningSecret> = match with {
            With::Current => scene.keys.signing.iter().cloned().collect(),
            With::Next => scene.keys.next.iter().cloned().collect(),
            With::Both => scene.keys.next.iter().chain(&scene.keys.signing).cloned().collect(),
            With::Strange => scene.keys.signing.as_ref().and(strange.clone()).into_iter().collect(),
        };
        if keys.is_empty() {
            return Vec::new();
        }
        let id = if other_id { OperationId::derive(&ProposalId::generate(), "another") } else { self.operation_id(scene) };
        let at = webhooks_at.map_or_else(|| issued_at.to_owned(), |at| moment(scene, at).to_string());
        let sign = |mark: Mark| {
            let keys = if mark == Mark::Wrong { strange.clone().into_iter().collect() } else { keys.clone() };
            if mark == Mark::Absent { None } else { Signatures::of(&keys, &id, &at, body) }
        };
        let mut headers = Vec::new();
        if let Some(signed) = sign(webhooks) {
            headers.push((WEBHOOK_ID, signed.webhook_id));
            let now = moved.then(|| (Timestamp::now().as_micros() / 1_000_000).to_string());
            headers.push((WEBHOOK_TIMESTAMP, now.unwrap_or(signed.webhook_timestamp)));
            let others = if padded { "v1a,c29tZWJvZHkgZWxzZQ== v1,c29tZWJvZHkgZWxzZQ== " } else { "" };
            headers.push((WEBHOOK_SIGNATURE, format!("{others}{}", signed.webhook_signature)));
        }
        headers.extend(sign(older).map(|signed| (SYNAPSOR_SIGNATURE, signed.synapsor_signature)));
        headers
    }

    fn body(&self, scene: &Scene<'_>, issued_at: &str) -> Bytes {
        let mut value = self.value(scene, issued_at);
        for (pointer, edit) in &self.edits {
            let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
            let Some(Value::Object(members)) = value.pointer_mut(parent) else { continue };
            match edit {
                Some(edit) => drop(members.insert(name.to_owned(), edit.clone())),
                None => drop(members.shift_remove(name)),
            }
        }
        let text = value.to_string();
        match self.damage {
            None => text.into(),
            Some(damage) => damage.of(text.as_bytes()).into(),
        }
    }

    /// The body of a good request in the wanted form.
    fn value(&self, scene: &Scene<'_>, issued_at: &str) -> Value {
        let fixture = scene.fixture;
        let key = self.key(fixture);
        let own = &fixture.target.tenant;
        let (tenant_column, tenant) = match self.row {
            Row::GuardedByKey => (&fixture.target.primary_key.column, key.clone()),
            Row::TenantInOtherCase => (&own.column, in_other_case(&own.value)),
            Row::TenantWithBlank => (&own.column, Scalar::from(format!("{} ", own.value.plain_text()))),
            Row::Own | Row::Missing | Row::Others | Row::Hostile | Row::KeyInOtherCase => (&own.column, own.value.clone()),
        };
        let version = match self.version {
            Version::First => &scene.first,
            Version::Seen => &scene.seen,
            Version::Almost => &almost(&scene.first).unwrap_or(Scalar::Null),
            Version::Near => &near(&scene.first).unwrap_or(Scalar::Null),
        };
        let guard = json!({"column": tenant_column, "value": tenant});
        let expected = json!({"column": fixture.target.version_column, "value": version});
        let patch = self.patch(fixture);
        let mut target = json!({"table": fixture.target.table, "primary_key": {"column": fixture.target.primary_key.column, "value": key}});
        if let Some(schema) = &fixture.target.schema {
            target["schema"] = schema.as_str().into();
        }
        let scope = json!({"tenant_id": tenant.plain_text(), "business_object": fixture.target.table, "object_id": key.plain_text()});
        let principal = json!({"id": "conformance", "source": "environment"});
        let change = json!({
            "action": fixture.action, "scope": scope, "principal": principal, "target": target, "patch": patch,
            "guards": {"tenant": guard, "expected_version": expected},
        });
        let proposal = &scene.proposals[self.operation];
        let mut before = fixture.before.clone();
        before.insert(fixture.target.version_column.clone(), version.clone());
        let mut after = before.clone();
        after.extend(patch.clone());
        let columns: Vec<_> = patch.keys().collect();
        let mut body = json!({
            "protocol_version": "1.0", "schema_version": "synapsor.handler-writeback.v1",
            "proposal_id": proposal, "proposal_version": 1, "proposal_hash": hash(proposal),
            "idempotency_key": self.operation_id(scene), "attempt": self.attempt, "issued_at": issued_at, "dry_run": self.dry_run,
        });
        let flat = json!({
            "writeback_job_id": format!("wbj_{}", proposal.as_str().trim_start_matches("wrp_")), "action": fixture.action,
            "runner_hint": "synapsor-conformance", "scope": scope, "principal": principal, "target": target, "tenant_guard": guard,
            "allowed_columns": columns, "before": before, "patch": patch, "after": after,
            "guards": {"tenant": guard, "allowed_columns": columns, "expected_version": expected},
            "approval": {"status": "approved", "approved_by": "conformance"}, "source_database_mutated": false,
            "executor": "conformance",
        });
        let Value::Object(members) = &mut body else { return body };
        if let (true, Value::Object(flat)) = (self.form != Form::Nested, flat) {
            members.extend(flat);
        }
        if let Some(advance) = fixture.version_advance {
            members.insert("version_advance".to_owned(), json!(advance));
        }
        if self.form != Form::Flat {
            members.insert("change_set".to_owned(), change);
        }
        body
    }

    fn key(&self, fixture: &Fixture) -> Scalar {
        match self.row {
            Row::Own | Row::TenantInOtherCase | Row::TenantWithBlank => fixture.target.primary_key.value.clone(),
            Row::KeyInOtherCase => in_other_case(&fixture.target.primary_key.value),
            Row::Missing => fixture.missing_key.clone(),
            Row::Others | Row::GuardedByKey => fixture.other_tenant.key.clone(),
            Row::Hostile => Scalar::from(HOSTILE),
        }
    }

    fn patch(&self, fixture: &Fixture) -> Columns {
        match self.patch {
            Patch::Good => fixture.patch.clone(),
            Patch::Refused => fixture.refused_patch.clone().unwrap_or_default(),
            Patch::Hostile => {
                let hostile = |value: &Scalar| if value.as_str().is_some() { value.clone() } else { Scalar::from(HOSTILE) };
                fixture.patch.iter().map(|(column, value)| (column.clone(), hostile(value))).collect()
            }
        }
    }

    fn operation_id(&self, scene: &Scene<'_>) -> OperationId {
        OperationId::derive(&scene.proposals[self.operation], &self.key(scene.fixture).plain_text())
    }
}

impl Damage {
    fn of(self, body: &[u8]) -> Vec<u8> {
        let noted = |note: &[u8]| [b"{\"note\":", note, b",", &body[1..]].concat();
        match self {
            Self::Instead(bytes) => bytes.to_vec(),
            Self::Cut => body[..body.len() / 2].to_vec(),
            Self::Twice => [b"{\"proposal_id\":\"wrp_of_somebody_else\",", &body[1..]].concat(),
            Self::Note(note) => noted(note.as_bytes()),
            Self::NotUtf8 => noted(b"\"\xff\""),
            Self::Deep => noted(&[vec![b'['; 40], vec![b']'; 40]].concat()),
            Self::Large => noted(&[b"\"", vec![b' '; 1_100_000].as_slice(), b"\""].concat()),
        }
    }
}

/// One byte of the patch is another; the JSON is as good as before.
fn altered(body: &[u8]) -> Bytes {
    [b" ", body].concat().into()
}

/// The version with another last digit of its fraction; nothing if it has none of at least four digits.
pub(super) fn almost(version: &Scalar) -> Option<Scalar> {
    let text = version.as_str()?;
    let begin = text.find('.')? + 1;
    let digits = text[begin..].bytes().take_while(u8::is_ascii_digit).count();
    let last = begin + digits - 1;
    let other = if text.as_bytes().get(last) == Some(&b'1') { "2" } else { "1" };
    (digits >= 4).then(|| Scalar::from(format!("{}{other}{}", &text[..last], &text[begin + digits..])))
}

/// The number and a half; nothing of a version that is none.
pub(super) fn near(version: &Scalar) -> Option<Scalar> {
    match version {
        Scalar::Number(number) => Number::from_f64(number.as_f64() + 0.5).map(Scalar::Number),
        Scalar::Null | Scalar::Bool(_) | Scalar::String(_) => None,
    }
}

/// Whether the value in other letters is another value: so it is of a text, and not of a uuid.
pub(super) fn is_spelled(value: &Scalar) -> bool {
    value.as_str().is_some_and(|text| text.chars().any(|c| c.is_ascii_alphabetic() && !c.is_ascii_hexdigit()))
}

fn in_other_case(value: &Scalar) -> Scalar {
    let other = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    Scalar::from(value.plain_text().chars().map(other).collect::<String>())
}

fn hash(proposal: &ProposalId) -> Digest {
    Digest::of_bytes(proposal.as_str().as_bytes())
}

/// So many tolerances from now.
fn moment(scene: &Scene<'_>, tolerances: f64) -> Timestamp {
    let micros = tolerances * f64::from(scene.fixture.tolerance_seconds) * 1_000_000.0;
    // At most a few days: nothing is lost.
    let micros = Timestamp::now().as_micros() + micros as i64;
    Timestamp::from_micros(micros).unwrap_or_else(Timestamp::now)
}

//! What a message asks for, read by the letter of the JSON-RPC 2.0 specification (<https://www.jsonrpc.org/specification>).
//!
//! Where that leaves room: an id is any text, any number or null, and is answered as it was written; `params: null` is
//! the same as none; members that the specification does not name are ignored; a member of the four it names that is
//! given twice makes the request invalid, since readers would differ on which one counts.

use super::fault::Fault;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// One message.
pub(super) enum Message<'a> {
    /// A request alone.
    Single(Request<'a>),
    /// Several in an array, at least one.
    Batch(Vec<Request<'a>>),
}

/// One request.
pub(super) enum Request<'a> {
    /// A call that wants an answer.
    Call(CallId<'a>, Call<'a>),
    /// A call without an id: it is done, and never answered.
    Notification(Call<'a>),
    /// Something that is no request; answered under its id, if it has one.
    Invalid(CallId<'a>),
}

impl<'a> Request<'a> {
    /// What it is answered under, if it is.
    pub(super) fn id(&self) -> CallId<'a> {
        match self {
            Request::Call(id, _) | Request::Invalid(id) => *id,
            Request::Notification(_) => CallId::NULL,
        }
    }
}

/// What is to be done.
pub(super) struct Call<'a> {
    pub(super) method: Cow<'a, str>,
    pub(super) params: Option<&'a RawValue>,
}

/// What a request is answered under: null, text or a number, as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CallId<'a>(&'a str);

impl<'a> CallId<'a> {
    /// What is answered to a request without an id that can be read.
    pub(super) const NULL: CallId<'static> = CallId("null");

    fn read(raw: &'a RawValue) -> Option<CallId<'a>> {
        let text = raw.get();
        match text.bytes().next()? {
            b'n' | b'-' | b'0'..=b'9' => Some(CallId(text)),
            // Fails for an escape that stands for no character.
            b'"' => text_of(raw).map(|_| CallId(raw.get())),
            _ => None,
        }
    }

    /// The JSON.
    pub(super) fn json(self) -> &'a str {
        self.0
    }
}

/// Reads a message of at most `max_batch` requests.
///
/// # Errors
/// If it is no JSON, an array of none or of too many, or neither an array nor an object.
pub(super) fn read(body: &[u8], max_batch: usize) -> Result<Message<'_>, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::Parse)?;
    // Most messages are one right request, which is then read once.
    if let Some(members) = read_members(text) {
        return Ok(Message::Single(members.request()));
    }
    // All of it has to be JSON before any of it is done.
    let whole: &RawValue = serde_json::from_str(text).map_err(|_| Fault::Parse)?;
    match whole.get().bytes().next() {
        Some(b'{') => Ok(Message::Single(read_request(whole))),
        Some(b'[') => {
            let entries: Vec<&RawValue> = serde_json::from_str(whole.get()).map_err(|_| Fault::Parse)?;
            if entries.len() > max_batch {
                return Err(Fault::BatchTooLarge { limit: max_batch });
            }
            match &*entries {
                [] => Err(Fault::NoRequest),
                entries => Ok(Message::Batch(entries.iter().map(|entry| read_request(entry)).collect())),
            }
        }
        _ => Err(Fault::NoRequest),
    }
}

fn read_request(raw: &RawValue) -> Request<'_> {
    read_members(raw.get()).map_or(Request::Invalid(CallId::NULL), Members::request)
}

/// The members of an object, if it is one and nothing follows it.
fn read_members(json: &str) -> Option<Members<'_>> {
    let mut json = serde_json::Deserializer::from_str(json);
    let members = json.deserialize_map(MembersVisitor).ok()?;
    json.end().ok().map(|()| members)
}

/// A member of a request.
#[derive(Default)]
enum Member<'a> {
    #[default]
    Absent,
    Once(&'a RawValue),
    Twice,
}

impl<'a> Member<'a> {
    fn put(&mut self, raw: &'a RawValue) {
        *self = match self {
            Member::Absent => Member::Once(raw),
            Member::Once(_) | Member::Twice => Member::Twice,
        };
    }
}

/// The members that a request may have.
#[derive(Default)]
struct Members<'a> {
    jsonrpc: Member<'a>,
    id: Member<'a>,
    method: Member<'a>,
    params: Member<'a>,
}

impl<'a> Members<'a> {
    fn request(self) -> Request<'a> {
        let id = match &self.id {
            Member::Absent => None,
            Member::Once(raw) => match CallId::read(raw) {
                Some(id) => Some(id),
                None => return Request::Invalid(CallId::NULL),
            },
            Member::Twice => return Request::Invalid(CallId::NULL),
        };
        match (self.call(), id) {
            (Some(call), Some(id)) => Request::Call(id, call),
            (Some(call), None) => Request::Notification(call),
            (None, id) => Request::Invalid(id.unwrap_or(CallId::NULL)),
        }
    }

    /// What is to be done, if the version and the kinds of members are right.
    fn call(self) -> Option<Call<'a>> {
        let Member::Once(version) = self.jsonrpc else { return None };
        let Member::Once(method) = self.method else { return None };
        if text_of(version)? != "2.0" {
            return None;
        }
        let method = text_of(method)?;
        let params = match self.params {
            Member::Absent => None,
            Member::Once(raw) if raw.get() == "null" => None,
            Member::Once(raw) if raw.get().starts_with(['{', '[']) => Some(raw),
            Member::Once(_) | Member::Twice => return None,
        };
        Some(Call { method, params })
    }
}

/// A text, borrowed if nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text that JSON is, borrowed if nothing in it is escaped.
fn text_of(json: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json.get()).ok().map(|text| text.0)
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(Text(name)) = fields.next_key::<Text<'de>>()? {
            let member = match name.as_ref() {
                "jsonrpc" => &mut members.jsonrpc,
                "id" => &mut members.id,
                "method" => &mut members.method,
                "params" => &mut members.params,
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            member.put(fields.next_value()?);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests;

//! From messages to methods and back, the same for every transport.

use super::answer::{Answer, Draft, NO_ID, error_under};
use super::fault::Fault;
use super::handlers::Service;
use super::limits::{Limits, busy};
use super::outflow::Outflow;
use super::request::{self, Call, CallId, Message, Request};
use super::shares::{Full, Share};
use super::source::Source;
use super::subscriptions::started_by;
use crate::error::{ErrorView, RpcError};
use jsonrpsee::core::server::SubscriptionMethod;
use jsonrpsee::server::{
    BoundedSubscriptions, ConnectionId, MethodCallback, MethodResponse, MethodSink, RandomStringIdProvider,
    SubscriptionState,
};
use jsonrpsee::types::{Id, Params};
use jsonrpsee::{Extensions, Methods};
use std::sync::Arc;

/// Characters of a subscription's id.
const SUBSCRIPTION_ID_CHARS: usize = 16;
/// The most bytes of the id that asks for a subscription: its answer waits beside the news, which are few and small.
const MAX_SUBSCRIBER_ID: usize = 256;
/// The most characters of an unknown method's name that an error repeats.
const SHOWN: usize = 60;

/// Whoever calls on one connection.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) service: Arc<Service>,
    pub(super) subscriptions: Methods,
    pub(super) limits: Arc<Limits>,
    pub(super) source: Source,
    pub(super) connection: ConnectionId,
    /// Where subscriptions tell; none where they can't.
    pub(super) told: Option<Told>,
}

/// Where the subscriptions of a connection tell, and how many it may have.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) sink: MethodSink,
    /// How its reader takes what is sent.
    pub(super) outflow: Arc<Outflow>,
    pub(super) subscriptions: BoundedSubscriptions,
}

/// Who asked for a subscription.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) source: Source,
    pub(super) outflow: Arc<Outflow>,
}

/// Whether a call may start a subscription: not out of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Alone,
    InBatch,
}

impl Caller {
    /// What is answered to a message; none if nothing is, or a subscription answers itself.
    pub(super) async fn answer(&self, message: &[u8]) -> Option<Answer> {
        let requests = match request::read(message, self.service.config.max_batch as usize) {
            Ok(requests) => requests,
            Err(fault) => return Some(Answer::error(self.charge(fault, message.len()))),
        };
        let mut share = match self.limits.bytes.take(self.source, message.len()) {
            Ok(share) => share,
            Err(full) => return refused(&requests, full),
        };
        let text = match requests {
            Message::Single(request) => {
                let id = request.id();
                let text = self.one(request, Place::Alone).await;
                text.map(|text| counted(text, id, &mut share))
            }
            Message::Batch(requests) => self.batch(requests, &mut share).await,
        };
        text.map(|text| Answer::new(text, Some(share)))
    }

    /// The error for what can't be done, unless that finds no token.
    pub(super) fn charge(&self, fault: Fault, bytes: usize) -> ErrorView {
        match self.limits.charge(self.source, bytes) {
            Ok(()) => fault.into(),
            Err(limited) => limited.into(),
        }
    }

    async fn one(&self, request: Request<'_>, place: Place) -> Option<String> {
        match request {
            Request::Call(id, call) => self.call(call, Some(id), place).await,
            Request::Notification(call) => {
                self.call(call, None, place).await;
                None
            }
            Request::Invalid(id) => Some(error_under(id.json(), self.charge(Fault::NoRequest, 0))),
        }
    }

    /// One after another, each answered as long as the answers fit.
    async fn batch(&self, requests: Vec<Request<'_>>, share: &mut Share) -> Option<String> {
        let limit = self.service.config.max_response_bytes as usize;
        let mut answers = String::from("[");
        for request in requests {
            let id = request.id();
            let Some(mut answer) = self.one(request, Place::InBatch).await else { continue };
            if answers.len().saturating_add(answer.len()) > limit {
                answer = error_under(id.json(), Fault::BatchResponseTooLarge { limit });
            }
            if answers.len() > 1 {
                answers.push(',');
            }
            answers.push_str(&counted(answer, id, share));
        }
        answers.push(']');
        (answers.len() > 2).then_some(answers)
    }

    /// What a call is answered with; none if a subscription answers itself.
    async fn call(&self, call: Call<'_>, id: Option<CallId<'_>>, place: Place) -> Option<String> {
        let limit = self.service.config.max_response_bytes as usize;
        let draft = Draft::under(id.map_or(NO_ID, CallId::json), limit);
        let _under_way = match self.limits.admit(self.source, &call.method) {
            Ok(share) => share,
            Err(error) => return Some(draft.error(error)),
        };
        let params = call.params.map(|params| params.get());
        if let Some(answer) = self.service.methods.get(&*call.method) {
            return Some(answer(&self.service, params, draft).await);
        }
        let Some((name, method)) = self.subscriptions.method_with_name(&call.method) else {
            let method = call.method.chars().take(SHOWN).collect();
            return Some(draft.error(Fault::UnknownMethod { method }));
        };
        let Some(told) = &self.told else {
            return Some(draft.error(RpcError::WebSocketOnly { method: started_by(name).into() }));
        };
        let params = Params::new(params);
        match method {
            MethodCallback::Unsubscription(end) => {
                let response = end(Id::Null, params, self.connection, usize::MAX, Extensions::new());
                Some(draft.end(Ok(has_ended(&response))))
            }
            MethodCallback::Subscription(start) => match id.filter(|_| place == Place::Alone).and_then(plain)
            {
                Some(id) => self.subscribe(start, id, params, told, draft).await,
                None => Some(draft.error(Fault::SubscriptionElsewhere { method: name.into() })),
            },
            MethodCallback::Sync(_) | MethodCallback::Async(_) => {
                Some(draft.error(RpcError::internal("a method among the subscriptions")))
            }
        }
    }

    /// Starts a subscription, which answers itself.
    async fn subscribe(
        &self,
        start: &SubscriptionMethod<'static>,
        id: Id<'static>,
        params: Params<'_>,
        told: &Told,
        draft: Draft,
    ) -> Option<String> {
        let Some(permit) = told.subscriptions.acquire() else {
            let max = told.subscriptions.max() as usize;
            return Some(draft.error(RpcError::TooManySubscriptions { of: RpcError::CONNECTION, max }));
        };
        let mut extensions = Extensions::new();
        extensions.insert(Asked { source: self.source, outflow: Arc::clone(&told.outflow) });
        let state = SubscriptionState {
            conn_id: self.connection,
            id_provider: &RandomStringIdProvider::new(SUBSCRIPTION_ID_CHARS),
            subscription_permit: permit,
        };
        let response = start(id, params, told.sink.clone(), state, extensions).await;
        (!response.is_subscription()).then(|| String::from(Box::<str>::from(response.into_json())))
    }
}

/// An answer that has its share of memory, or the error that there is none.
fn counted(text: String, id: CallId<'_>, share: &mut Share) -> String {
    match share.grow(text.len()) {
        Ok(()) => text,
        Err(full) => error_under(id.json(), busy(full)),
    }
}

/// The answer to requests for which there is no memory.
fn refused(requests: &Message<'_>, full: Full) -> Option<Answer> {
    let error = |request: &Request<'_>| match request {
        Request::Notification(_) => None,
        Request::Call(id, _) | Request::Invalid(id) => Some(error_under(id.json(), busy(full))),
    };
    let text = match requests {
        Message::Single(request) => error(request)?,
        Message::Batch(requests) => {
            let errors: Vec<String> = requests.iter().filter_map(error).collect();
            if errors.is_empty() {
                return None;
            }
            format!("[{}]", errors.join(","))
        }
    };
    Some(Answer::new(text, None))
}

/// The id as subscriptions carry it: null, text of few bytes, or a whole number below 2^64.
fn plain(id: CallId<'_>) -> Option<Id<'static>> {
    if id.json().len() > MAX_SUBSCRIBER_ID {
        return None;
    }
    let id: Option<Id<'_>> = serde_json::from_str(id.json()).ok();
    id.map(Id::into_owned)
}

/// Whether there was a subscription to end.
fn has_ended(response: &MethodResponse) -> bool {
    #[derive(serde::Deserialize)]
    struct Ended {
        result: bool,
    }
    serde_json::from_str(response.as_ref()).is_ok_and(|ended: Ended| ended.result)
}

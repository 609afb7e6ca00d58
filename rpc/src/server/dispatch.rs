//! From messages to methods and back, the same for every transport.

use super::fault::Fault;
use super::outflow::Outflow;
use super::request::{self, Call, CallId, Message, Request};
use jsonrpsee::core::middleware::{Batch, Notification, RpcServiceT};
use jsonrpsee::server::{
    BoundedSubscriptions, ConnectionId, MethodCallback, MethodResponse, MethodSink, Methods,
    RandomStringIdProvider, SubscriptionState,
};
use jsonrpsee::types::{ErrorObjectOwned, Id, Params};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// The code of an answer that was above its limit.
const RESPONSE_TOO_LARGE: i32 = -32008;
/// Characters of a subscription's id.
const SUBSCRIPTION_ID_CHARS: usize = 16;
/// The most characters of an unknown method's name that an error repeats.
const SHOWN: usize = 60;

/// The methods, as one connection calls them.
#[derive(Clone)]
pub(super) struct Dispatch {
    pub(super) methods: Methods,
    /// The most bytes of one answer.
    pub(super) max_response: usize,
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

impl Dispatch {
    async fn do_call(self, request: jsonrpsee::types::Request<'_>) -> MethodResponse {
        let (id, max) = (request.id.clone().into_owned(), self.max_response);
        let params = Params::new(request.params.as_ref().map(|params| params.get()));
        let mut extensions = request.extensions.clone();
        let Some((name, method)) = self.methods.method_with_name(&request.method) else {
            let method = request.method.chars().take(SHOWN).collect();
            return error(id, Fault::UnknownMethod { method });
        };
        let response = match method {
            MethodCallback::Sync(call) => call(id.clone(), params, max, extensions),
            MethodCallback::Async(call) => {
                call(id.clone(), params.into_owned(), self.connection, max, extensions).await
            }
            MethodCallback::Unsubscription(call) => {
                call(id.clone(), params, self.connection, max, extensions)
            }
            MethodCallback::Subscription(call) => {
                let Some(Told { sink, outflow, subscriptions }) = self.told else {
                    return error(id, Fault::SubscriptionElsewhere { method: name.into() });
                };
                let Some(permit) = subscriptions.acquire() else {
                    let max = subscriptions.max();
                    return error(
                        id,
                        jsonrpsee::types::error::reject_too_many_subscriptions(max).into_owned(),
                    );
                };
                extensions.insert(outflow);
                let state = SubscriptionState {
                    conn_id: self.connection,
                    id_provider: &RandomStringIdProvider::new(SUBSCRIPTION_ID_CHARS),
                    subscription_permit: permit,
                };
                call(id.clone(), params, sink, state, extensions).await
            }
        };
        match response.as_error_code() {
            Some(RESPONSE_TOO_LARGE) => error(id, Fault::ResponseTooLarge { limit: max }),
            _ => response,
        }
    }
}

fn error(id: Id<'_>, error: impl Into<ErrorObjectOwned>) -> MethodResponse {
    MethodResponse::error(id, error.into())
}

impl RpcServiceT for Dispatch {
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(
        &self,
        request: jsonrpsee::types::Request<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.clone().do_call(request)
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        // Batches come apart in `Answering`, so that layers see each of their calls.
        drop(batch);
        std::future::ready(error(Id::Null, Fault::NoRequest))
    }

    fn notification<'a>(&self, told: Notification<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        // Notifications are calls without an answer, and come as such.
        drop(told);
        std::future::ready(MethodResponse::notification())
    }
}

/// Answers the messages of one connection.
pub(super) struct Answering<S> {
    /// Takes calls that come alone.
    pub(super) alone: S,
    /// Takes those of which no subscription can come: of batches, without an id, or with one that subscriptions can't
    /// carry.
    pub(super) plain: S,
    pub(super) max_batch: usize,
    pub(super) max_response: usize,
}

impl<S: RpcServiceT<MethodResponse = MethodResponse>> Answering<S> {
    /// What is answered to a message; none if nothing is, or a subscription answers itself.
    pub(super) async fn answer(&self, body: &[u8]) -> Option<String> {
        match request::read(body, self.max_batch) {
            Err(fault) => Some(text(error(Id::Null, fault))),
            Ok(Message::Single(Request::Call(CallId::Plain(id), call))) => {
                let response = self.alone.call(with_id(call, id)).await;
                (!response.is_subscription()).then(|| text(response))
            }
            Ok(Message::Single(request)) => self.one(request).await,
            Ok(Message::Batch(requests)) => self.batch(requests).await,
        }
    }

    /// One request that starts no subscription.
    async fn one(&self, request: Request<'_>) -> Option<String> {
        match request {
            Request::Call(CallId::Plain(id), call) => Some(text(self.plain.call(with_id(call, id)).await)),
            Request::Call(CallId::Number(id), call) => {
                let response = self.plain.call(with_id(call, Id::Null)).await;
                Some(under_number(response.as_json(), id))
            }
            Request::Notification(call) => {
                self.plain.call(with_id(call, Id::Null)).await;
                None
            }
            Request::Invalid(id) => Some(under(&id, Fault::NoRequest)),
        }
    }

    /// One after another, each answered as long as the answers fit.
    async fn batch(&self, requests: Vec<Request<'_>>) -> Option<String> {
        let mut answers = String::from("[");
        for request in requests {
            let id = match &request {
                Request::Call(id, _) | Request::Invalid(id) => Some(id.clone()),
                Request::Notification(_) => None,
            };
            let (Some(mut answer), Some(id)) = (self.one(request).await, id) else {
                continue;
            };
            if answers.len().saturating_add(answer.len()) > self.max_response {
                answer = under(&id, Fault::BatchResponseTooLarge { limit: self.max_response });
            }
            if answers.len() > 1 {
                answers.push(',');
            }
            answers.push_str(&answer);
        }
        answers.push(']');
        (answers.len() > 2).then_some(answers)
    }
}

fn with_id<'a>(call: Call<'a>, id: Id<'a>) -> jsonrpsee::types::Request<'a> {
    let mut request = jsonrpsee::types::Request::borrowed("", call.params, id);
    request.method = call.method;
    request
}

fn text(response: MethodResponse) -> String {
    String::from(Box::<str>::from(response.into_json()))
}

/// An error under any id.
fn under(id: &CallId<'_>, fault: Fault) -> String {
    match id {
        CallId::Plain(id) => text(error(id.clone(), fault)),
        CallId::Number(number) => under_number(error(Id::Null, fault).as_json(), number),
    }
}

/// An answer with its id replaced by a number as it was written.
fn under_number(answer: &RawValue, id: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Payload<'a> {
        #[serde(borrow)]
        result: Option<Cow<'a, RawValue>>,
        #[serde(borrow)]
        error: Option<Cow<'a, RawValue>>,
    }
    let payload: Option<Payload<'_>> = serde_json::from_str(answer.get()).ok();
    let (name, value) = match &payload {
        Some(Payload { error: Some(error), .. }) => ("error", error.get()),
        Some(Payload { result: Some(result), .. }) => ("result", result.get()),
        _ => ("result", "null"),
    };
    format!(r#"{{"jsonrpc":"2.0","id":{id},"{name}":{value}}}"#)
}

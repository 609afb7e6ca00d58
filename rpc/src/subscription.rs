//! What a subscription is, beside the method that starts it.

use crate::method::{Method, MethodDescription};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A subscription, as the type of its parameters. The method that starts it answers its id, and its notifications are
/// named as that method is.
pub trait Subscription: Method<Answer = String> {
    /// The method that ends it; takes the id, and answers whether there was such a subscription.
    const UNSUBSCRIBE: &'static str;

    /// What it tells.
    type News: Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static;

    /// Describes it.
    fn describe_news(generator: &mut SchemaGenerator) -> SubscriptionDescription;
}

/// A subscription, as documents show it.
#[derive(Clone, PartialEq, Debug)]
pub struct SubscriptionDescription {
    /// The method that starts it.
    pub method: MethodDescription,
    /// The method that ends it.
    pub unsubscribe: &'static str,
    /// What its notifications hold.
    pub news: &'static str,
    /// The same as JSON Schema.
    pub news_schema: Value,
    /// The `type`s of its news.
    pub types: &'static [&'static str],
}

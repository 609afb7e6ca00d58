//! JSON-RPC, the interface that users meet: the JSON types, the server and a typed client.
//!
//! One table ([`methods`]) lists every method with its parameters and its answer. Registration, the OpenRPC document
//! and the client are made from it, so they can't disagree. The server decodes, bounds and encodes; what a method
//! means is a [`Backend`]'s business, which the node implements.

pub mod client;
pub mod encoding;
pub mod error;
mod example;
mod explorer;
pub mod method;
pub mod methods;
pub mod openrpc;
pub mod parameter;
pub mod server;
pub mod subscription;
pub mod subscriptions;
pub mod text;
pub mod transaction_json;
pub mod view;

pub use client::{Client, ClientError, Following, Subscriber};
pub use encoding::{Blob, Encoding};
pub use error::{ErrorView, NoSnapshot, NotReady, Rejection, RpcError};
pub use parameter::{At, Order, Since, TransactionDetail, Wait};
pub use server::{Backend, FollowingConfig, RpcConfig, RpcServer, RpcStartError, start};
pub use view::*;

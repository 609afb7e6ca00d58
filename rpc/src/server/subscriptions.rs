//! Subscriptions: each a task that reads what is flushed at its own pace, from a place in each chain. It keeps no queue, so that
//! a slow reader costs the node one page a connection, and tells its reader where it stood when it gives up.

mod chain;
mod consensus;
mod outlet;
mod transaction;

use super::dispatch::Asked;
use super::handlers::Service;
use super::outflow::Outflow;
use super::shares::{Full, Share};
use crate::error::RpcError;
use crate::method::{Arguments, Method as _};
use crate::subscription::Subscription;
use crate::subscriptions::{self, for_every_subscription};
use crate::view::Position;
use chain::Chains;
use consensus::Looks;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::core::server::SubscriptionCloseResponse;
use jsonrpsee::server::{PendingSubscriptionSink, RpcModule};
use jsonrpsee::types::Params;
use jsonrpsee::{Extensions, IntoSubscriptionCloseResponse as _, Methods};
use outlet::Outlet;
use std::sync::Arc;
use transaction::Waiting;

/// A subscription whose parameters are read and right.
enum Job {
    /// It reads chains block by block.
    Chains(Chains),
    /// It waits for a transaction.
    Transaction(Waiting),
    /// It looks at consensus.
    Consensus(Looks),
}

/// Why a subscription ends.
#[derive(Debug)]
enum End {
    /// Everything is told.
    Done,
    /// Nobody reads any more: unsubscribed, or the connection is gone.
    Gone,
    /// The reader takes nothing.
    Lagged,
    /// It can't go on.
    Failed(RpcError),
}

/// A subscription that the server can open.
trait Open: Subscription {
    /// Judges its parameters.
    ///
    /// # Errors
    /// If they are wrong, or the node has not what is asked for.
    fn open(self, service: &Arc<Service>) -> impl Future<Output = Result<Job, RpcError>> + Send;
}

impl Job {
    async fn run(&mut self, outlet: &mut Outlet) -> End {
        let ended = match self {
            Job::Chains(chains) => chains.run(outlet).await,
            Job::Transaction(waiting) => waiting.run(outlet).await,
            Job::Consensus(looks) => looks.run(outlet).await,
        };
        match ended {
            Ok(()) => End::Done,
            Err(end) => end,
        }
    }

    /// Where it stands in each chain that it reads.
    fn positions(&self) -> Vec<Position> {
        match self {
            Job::Chains(chains) => chains.positions(),
            Job::Transaction(_) | Job::Consensus(_) => Vec::new(),
        }
    }
}

/// Every subscription of the table.
///
/// # Errors
/// If a name is taken: a fault of the table.
pub(super) fn table(service: &Arc<Service>) -> Result<Methods, RegisterMethodError> {
    let mut module = RpcModule::from_arc(Arc::clone(service));
    macro_rules! register {
        ($request:ident) => {
            module.register_subscription(
                subscriptions::$request::NAME,
                subscriptions::$request::NAME,
                subscriptions::$request::UNSUBSCRIBE,
                |params, pending, service, extensions| async move {
                    serve::<subscriptions::$request>(params, pending, service, &extensions).await
                },
            )?;
        };
    }
    for_every_subscription!(register);
    Ok(module.into())
}

/// The method that starts the subscription that `name` starts or ends.
pub(super) fn started_by(name: &str) -> &'static str {
    macro_rules! look {
        ($request:ident) => {
            if [subscriptions::$request::NAME, subscriptions::$request::UNSUBSCRIBE].contains(&name) {
                return subscriptions::$request::NAME;
            }
        };
    }
    for_every_subscription!(look);
    ""
}

/// What a subscription holds while it runs.
struct Opened {
    job: Job,
    outflow: Arc<Outflow>,
    /// Of the connection and of the node.
    places: [Share; 2],
}

fn too_many(full: Full, of: &'static str) -> RpcError {
    match full {
        Full::All(max) => RpcError::TooManySubscriptions { of, max },
        Full::One(max) => RpcError::TooManySubscriptions { of: RpcError::ADDRESS, max },
    }
}

async fn open<S: Open>(
    params: &Params<'_>,
    service: &Arc<Service>,
    extensions: &Extensions,
) -> Result<Opened, RpcError> {
    let request = S::read(&Arguments::split(params.as_str(), S::NAMES)?)?;
    let asked = extensions.get::<Asked>().cloned();
    let Asked { source, outflow } = asked.ok_or_else(|| RpcError::internal("nobody asked"))?;
    let of_connection =
        outflow.places.take(source, 1).map_err(|full| too_many(full, RpcError::CONNECTION))?;
    let of_node = service.places.take(source, 1).map_err(|full| too_many(full, RpcError::NODE))?;
    let places = [of_connection, of_node];
    Ok(Opened { job: request.open(service).await?, outflow, places })
}

/// One subscription from its request to its end.
async fn serve<S: Open>(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    service: Arc<Service>,
    extensions: &Extensions,
) -> SubscriptionCloseResponse {
    let opened = open::<S>(&params, &service, extensions).await;
    // They may be long, and a subscription lives long.
    drop(params);
    let Opened { mut job, outflow, places } = match opened {
        Ok(opened) => opened,
        Err(error) => {
            pending.reject(error).await;
            return ().into_response();
        }
    };
    let Ok(sink) = pending.accept().await else { return ().into_response() };
    let mut outlet = Outlet::new(sink, outflow, &service);
    let end = job.run(&mut outlet).await;
    drop(places);
    if matches!(end, End::Lagged) {
        tracing::info!(method = S::NAME, "a subscription ended, because its reader takes nothing");
    }
    match outlet.last(end, job.positions()) {
        // Sent as soon as the reader takes what is before it, unless the connection ends first.
        Some(last) => SubscriptionCloseResponse::Notif(last.into()),
        None => ().into_response(),
    }
}

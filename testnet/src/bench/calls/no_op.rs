//! A plain server with one method that does nothing: what the library alone costs.

use jsonrpsee::server::{RpcModule, Server};
use std::io;
use std::net::SocketAddr;

/// A server of `no_op` that answers null. It runs until the runtime ends.
///
/// # Errors
/// If there is no free port.
pub async fn serve() -> io::Result<SocketAddr> {
    let server = Server::builder().build(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = server.local_addr()?;
    let mut module = RpcModule::new(());
    module.register_method("no_op", |_, (), _| ()).map_err(io::Error::other)?;
    tokio::spawn(server.start(module).stopped());
    Ok(address)
}

//! Explanations.

use super::{Handle, Service};
use crate::error::RpcError;
use crate::methods::Explain;
use crate::view::Explanation;

impl Handle for Explain {
    async fn handle(self, service: &Service) -> Result<Explanation, RpcError> {
        service.backend.explanation().await
    }
}

//! The explorer: a page that shows the network in a browser, over the same RPC as any other client's.
//!
//! It is plain files, carried in the binary: nothing is built, and nothing comes from elsewhere. `vendor/` holds the
//! libraries it uses, made by `rpc/tests/web/vendor.mjs` and `clients/typescript/scripts/bundle.mjs`, with versions,
//! hashes and licences in its manifest.

use std::sync::LazyLock;
use witan_types::sha256;

/// Where it is served.
pub(crate) const PATH: &str = "/ui";

/// What the page may do: load and call nothing but this node, run no script that stands in the page, and be in no
/// frame (Content Security Policy, level 3).
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file of the page.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its place below [`PATH`], with no slash before it.
    path: &'static str,
    /// What it holds.
    pub(crate) bytes: &'static [u8],
    /// What an `If-None-Match` names: its hash, in quotes.
    pub(crate) tag: String,
}

impl Asset {
    fn new(path: &'static str, bytes: &'static [u8]) -> Asset {
        Asset { path, bytes, tag: format!("\"{}\"", hex::encode(sha256(&[bytes]).as_bytes())) }
    }

    /// Its media type.
    pub(crate) fn kind(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("json") => "application/json",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }
}

/// The file at a path of a request, with no slash at its end, if there is one.
pub(crate) fn asset(path: &str) -> Option<&'static Asset> {
    let below = path.strip_prefix(PATH)?;
    let wanted = if below.is_empty() { "index.html" } else { below.strip_prefix('/')? };
    ASSETS.iter().find(|asset| asset.path == wanted)
}

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        vec![$(Asset::new($path, include_bytes!(concat!("explorer/", $path)))),*]
    };
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    assets![
        "app.js",
        "icon.svg",
        "index.html",
        "style.css",
        "theme.js",
        "lib/api.js",
        "lib/chart.js",
        "lib/experiment.js",
        "lib/faults.js",
        "lib/format.js",
        "lib/live.js",
        "lib/proof.js",
        "lib/rates.js",
        "lib/search.js",
        "lib/store.js",
        "lib/ui.js",
        "pages/account.js",
        "pages/block.js",
        "pages/consensus.js",
        "pages/faults.js",
        "pages/key.js",
        "pages/network.js",
        "pages/overview.js",
        "pages/search.js",
        "pages/swimlanes.js",
        "pages/transaction.js",
        "pages/validators.js",
        "vendor/licences.txt",
        "vendor/manifest.json",
        "vendor/preact.js",
        "vendor/uplot.css",
        "vendor/uplot.js",
        "vendor/witan-client.js",
    ]
});

#[cfg(test)]
mod tests;

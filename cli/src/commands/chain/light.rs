//! What people read of light blocks and epochs.

use witan_testnet::rpc::{EpochView, LightBlockView};

pub(super) fn describe_block(block: &LightBlockView) -> String {
    let signers: Vec<String> = block.signers.iter().map(ToString::to_string).collect();
    format!(
        "block {} of group {}, epoch {}, sealed by validators {}\nid          {}\nparent      {}\ntime        {} ms\n\
         state root  {}",
        block.height,
        block.group,
        block.epoch,
        signers.join(", "),
        block.block_id,
        block.parent,
        block.time_ms,
        block.state_root
    )
}

pub(super) fn describe_epoch(epoch: &EpochView) -> String {
    let until = epoch.last_height.map_or("goes on".to_owned(), |height| format!("ended with block {height}"));
    let mut text = format!(
        "epoch {} of group {}: {} ({}), {} of {} members decide; it {until}\nhash  {}",
        epoch.epoch,
        epoch.group,
        epoch.engine,
        epoch.faults,
        epoch.quorum,
        epoch.members.len(),
        epoch.hash
    );
    for member in &epoch.members {
        text += &format!("\n  {}  {}  {}", member.index, member.name, member.key);
    }
    text
}

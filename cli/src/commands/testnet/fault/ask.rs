//! Faults as the command line names them.

use witan_testnet::faults::{DiskTrouble, Fault, Line, Span, Who, percent};
use witan_testnet::sim::Attack;
use witan_types::GroupId;

/// What to break.
#[derive(clap::Subcommand, Debug, Clone)]
pub(super) enum Ask {
    /// Kill nodes: no chance to tidy up; they start again when it ends
    #[command(
        after_help = "Example:\n  witan testnet fault kill n3 --for 20s\n  witan testnet fault kill leader --for 20s"
    )]
    Kill {
        /// Their names; `leader` is whoever leads group 1 now, `leader:2` group 2
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<Who>,
    },
    /// Make nodes stand still
    #[command(after_help = "Example:\n  witan testnet fault pause n1 --for 10s")]
    Pause {
        /// Their names
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<Who>,
    },
    /// Let nothing pass between sides
    #[command(
        after_help = "Example:\n  witan testnet fault partition n0,n1 n2,n3 --for 20s\n  witan testnet fault partition n0 n1,n2,n3 --one-way"
    )]
    Partition {
        /// The sides, each a list of nodes; whoever is on none still reaches all
        #[arg(required = true, num_args = 2.., value_name = "NODE,..")]
        sides: Vec<Side>,
        /// Lose only what the first side says; it still hears the others
        #[arg(long)]
        one_way: bool,
    },
    /// Let nothing pass between nodes and anybody
    #[command(after_help = "Example:\n  witan testnet fault isolate n3 --for 20s")]
    Isolate {
        /// Their names
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<Who>,
    },
    /// Make lines between nodes bad
    #[command(
        after_help = "Example:\n  witan testnet fault link --from n0 --to n1,n2 --delay 40ms --jitter 5ms --loss 1%\n  witan testnet fault link --from leader --delay 3s --for 30s"
    )]
    Link(LinkArgs),
    /// Run a validator twice, with one key and one name
    #[command(after_help = "Example:\n  witan testnet fault twin n3 --audience n0 --for 20s")]
    Twin {
        /// Which
        #[arg(value_name = "NODE")]
        node: Who,
        /// Who hears the second process alone; all others hear the first [default: the first half of the others]
        #[arg(long, value_name = "NODE,..", value_delimiter = ',')]
        audience: Vec<Who>,
    },
    /// Make a validator lie
    #[command(after_help = "Example:\n  witan testnet fault byzantine n1 equivocate --for 20s")]
    Byzantine {
        /// Which
        #[arg(value_name = "NODE")]
        node: Who,
        /// How: mute, equivocate, delay, withhold, replay, corrupt, mislead-sync or false-shares
        #[arg(value_name = "HOW", value_parser = lie)]
        behaviour: Attack,
    },
    /// Set wall clocks wrong
    #[command(
        after_help = "Example:\n  witan testnet fault clock n1 --ahead 400ms --for 20s\n  witan testnet fault clock n1 n2 --behind 2s"
    )]
    Clock {
        /// Whose
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<Who>,
        /// So much ahead
        #[arg(long, value_name = "TIME", required_unless_present = "behind", conflicts_with = "behind")]
        ahead: Option<Span>,
        /// So much behind
        #[arg(long, value_name = "TIME")]
        behind: Option<Span>,
    },
    /// Break disks: slow, full, or failing to sync
    #[command(
        after_help = "Example:\n  witan testnet fault disk n2 --slow 50ms --for 20s\n  witan testnet fault disk n2 --full --for 20s"
    )]
    Disk(DiskArgs),
    /// Keep from one group what another one says to it: asks, votes and decisions of transactions across groups
    #[command(after_help = "Example:\n  witan testnet fault two-phase --from 1 --to 2 --for 20s")]
    TwoPhase {
        /// The group that speaks
        #[arg(long, value_name = "GROUP")]
        from: u32,
        /// The group that does not hear it
        #[arg(long, value_name = "GROUP")]
        to: u32,
    },
}

/// One side of a partition.
#[derive(Debug, Clone)]
pub(super) struct Side(Vec<Who>);

impl std::str::FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Side, String> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Side)
    }
}

/// What lines do.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct LinkArgs {
    /// Who sends; `leader` is followed as it changes
    #[arg(long, required = true, value_name = "NODE,..", value_delimiter = ',')]
    from: Vec<Who>,
    /// Who receives [default: everyone]
    #[arg(long, value_name = "NODE,..", value_delimiter = ',')]
    to: Vec<Who>,
    /// Everything takes this much longer
    #[arg(long, value_name = "TIME", default_value = "0s")]
    delay: Span,
    /// And up to this much more
    #[arg(long, value_name = "TIME", default_value = "0s")]
    jitter: Span,
    /// So many are lost, such as 1%
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    loss: u8,
    /// So many arrive twice
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    duplicate: u8,
    /// So many are overtaken by what is sent after them
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    reorder: u8,
    /// At most so many kilobytes a second pass from one node to another; 0 is no limit
    #[arg(long, value_name = "KB", default_value_t = 0)]
    bandwidth: u32,
}

/// What is wrong with disks.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct DiskArgs {
    /// Whose
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<Who>,
    #[command(flatten)]
    trouble: Trouble,
}

#[derive(clap::Args, Debug, Clone)]
#[group(required = true, multiple = false)]
struct Trouble {
    /// Each sync takes this much longer
    #[arg(long, value_name = "TIME")]
    slow: Option<Span>,
    /// There is no room: the node ends before it loses a write
    #[arg(long)]
    full: bool,
    /// Syncs fail: the node ends rather than say what is not durable
    #[arg(long)]
    fail_sync: bool,
}

fn lie(text: &str) -> Result<Attack, String> {
    match text.parse()? {
        Attack::Twin => Err("a twin is a fault of its own: witan testnet fault twin".into()),
        Attack::Forget => Err("only the simulator has validators that forget".into()),
        Attack::WithholdBatches => Err("only the simulator has validators that keep batches back".into()),
        attack => Ok(attack),
    }
}

impl Ask {
    /// The fault that is asked for, on a network of these nodes.
    ///
    /// # Errors
    /// If it makes no sense.
    pub(super) fn fault(self, nodes: &[String]) -> Result<Fault, String> {
        Ok(match self {
            Ask::Kill { nodes } => Fault::Kill { nodes },
            Ask::Pause { nodes } => Fault::Pause { nodes },
            Ask::Partition { sides, one_way } => {
                Fault::Partition { sides: sides.into_iter().map(|Side(side)| side).collect(), one_way }
            }
            Ask::Isolate { nodes } => Fault::Isolate { nodes },
            Ask::Link(LinkArgs { from, to, delay, jitter, loss, duplicate, reorder, bandwidth }) => {
                Fault::Link {
                    from,
                    to,
                    line: Line {
                        delay,
                        jitter,
                        loss_percent: loss,
                        duplicate_percent: duplicate,
                        reorder_percent: reorder,
                        kilobytes_per_second: bandwidth,
                    },
                }
            }
            Ask::Twin { node, audience } => {
                let audience = if audience.is_empty() { half_of_others(node, nodes) } else { audience };
                Fault::Twin { node, audience }
            }
            Ask::Byzantine { node, behaviour } => Fault::Byzantine { node, behaviour },
            Ask::Clock { nodes, ahead, behind } => Fault::Clock { nodes, offset_ms: offset(ahead, behind)? },
            Ask::Disk(DiskArgs { nodes, trouble }) => {
                let trouble = match trouble {
                    Trouble { slow: Some(delay), .. } => DiskTrouble::Slow(delay),
                    Trouble { full: true, .. } => DiskTrouble::Full,
                    Trouble { .. } => DiskTrouble::FailSync,
                };
                Fault::Disk { nodes, trouble }
            }
            Ask::TwoPhase { from, to } => Fault::TwoPhase { from: GroupId(from), to: GroupId(to) },
        })
    }
}

fn offset(ahead: Option<Span>, behind: Option<Span>) -> Result<i64, String> {
    let millis = |span: Span| i64::try_from(span.0.as_millis()).map_err(|_| format!("{span} is too long"));
    match (ahead, behind) {
        (Some(ahead), _) => millis(ahead),
        (None, Some(behind)) => Ok(-millis(behind)?),
        (None, None) => Err("say how wrong: --ahead or --behind".into()),
    }
}

fn half_of_others(node: Who, nodes: &[String]) -> Vec<Who> {
    let others: Vec<Who> =
        nodes.iter().filter_map(|name| name.parse().ok()).filter(|other| *other != node).collect();
    let half = others.len().div_ceil(2);
    others.into_iter().take(half).collect()
}

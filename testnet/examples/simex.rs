fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (n, a, b) = (args[0] as usize, args[1], args[2]);
    let t = std::time::Instant::now();
    let scenarios = (a..=b).map(|s| witan_testnet::sim::Scenario::of(s, n)).collect();
    let (mut runs, mut bad, mut blocks, mut counts, mut vms) = (0, 0, 0, 0, 0);
    let verbose = args.len() > 3;
    witan_testnet::sim::run_all(scenarios, 2, &mut |r| {
        runs += 1; blocks += r.blocks; counts += u64::from(r.counts); vms += r.virtual_ms;
        if r.violation.is_some() { bad += 1; }
        if verbose || runs <= 8 { println!("{r}"); println!("{:?}", r.faults); }
        else if let Some(v) = &r.violation { println!("seed {} {} at {}: {}", r.seed, v.promise, v.at_ms, v.what.chars().take(400).collect::<String>()); }
    }).unwrap();
    println!("runs {runs} bad {bad} counted {counts} blocks {blocks} virtual {vms} ms wall {:?}", t.elapsed());
}

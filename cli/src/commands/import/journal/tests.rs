//! A journal remembers what was done over interruptions, torn lines included, and forgets it for another chain.

use super::*;

fn binding(chain: &str) -> Binding {
    Binding { chain: chain.into(), file: "f".into(), signer: "s".into() }
}

fn sent(first: u64, last: u64, salt: u64) -> Sent {
    Sent { span: Span { first, last }, salt, expires_at_ms: 1_000 }
}

fn open(path: &Path, chain: &str) -> Opened {
    Journal::open(path.to_owned(), &binding(chain), false).unwrap()
}

/// A journal of two transactions, the first committed, and one refused record.
fn write_some(path: &Path) {
    let mut opened = open(path, "a");
    assert!(!opened.replaced);
    assert_eq!(opened.progress, Progress::default());
    opened.journal.write(&[Note::Sent(sent(1, 64, 5)), Note::Sent(sent(65, 90, 6))]).unwrap();
    opened.journal.write(&[Note::Done(Span { first: 1, last: 64 })]).unwrap();
    opened.journal.write(&[Note::Refused { line: 91, reason: "WRONG_TYPE".into() }]).unwrap();
}

#[test]
fn an_interrupted_import_finds_what_it_sent_and_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = Journal::path_for(&folder.path().join("data.jsonl"));
    write_some(&path);
    let mut progress = open(&path, "a").progress;
    let done: Vec<u64> = (0..=100).filter(|line| progress.is_done(*line)).collect();
    assert_eq!(done, (1..=64).collect::<Vec<_>>());
    assert_eq!(progress.take_sent(Span { first: 1, last: 32 }), None, "another transaction");
    assert_eq!(progress.take_sent(Span { first: 65, last: 90 }), Some(sent(65, 90, 6)));
    assert_eq!(progress.take_sent(Span { first: 65, last: 90 }), None, "it has its successor");
    assert_eq!(progress.refusal(91), Some("WRONG_TYPE"));
}

#[test]
fn a_line_cut_short_by_a_crash_is_dropped_wherever_the_cut_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    write_some(&path);
    let whole = std::fs::read(&path).unwrap();
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last_line..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let mut opened = open(&path, "a");
        assert!(opened.progress.is_done(64));
        assert_eq!(opened.progress.refusal(91), None);
        opened.journal.write(&[Note::Done(Span { first: 65, last: 90 })]).unwrap();
        drop(opened);
        assert!(open(&path, "a").progress.is_done(90), "what is written after the cut is read again");
    }
}

#[test]
fn a_journal_of_another_chain_is_started_anew_and_so_is_any_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    write_some(&path);
    let opened = open(&path, "b");
    assert!(opened.replaced);
    assert_eq!(opened.progress, Progress::default());
    drop(opened);
    write_some(&folder.path().join("other"));
    let opened = Journal::open(folder.path().join("other"), &binding("a"), true).unwrap();
    assert!(!opened.replaced);
    assert_eq!(opened.progress, Progress::default());
}

#[test]
fn two_imports_of_one_file_do_not_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = open(&path, "a");
    let second = Journal::open(path.clone(), &binding("a"), false);
    assert!(second.unwrap_err().to_string().contains("another import"));
    drop(first);
}

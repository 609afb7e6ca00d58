//! Every engine's dialect is complete.

use super::*;
use witan_types::FaultModel;

#[test]
fn every_engine_listed_can_be_spoken_and_no_other() {
    for engine in [EngineKind::HotStuff, EngineKind::Pbft, EngineKind::Raft] {
        assert_eq!(speech(engine).is_some(), ENGINES.contains(&engine), "{engine}");
    }
    assert!(ENGINES.iter().any(|engine| engine.faults() == FaultModel::Byzantine));
}

#[test]
fn what_is_no_message_is_shown_and_allowed() {
    for speech in ENGINES.iter().filter_map(|engine| speech(*engine)) {
        assert!(!speech.message(&[255; 3]).is_empty() && !speech.timer(&[255; 3]).is_empty());
        assert!(!speech.is_proposal(&[255; 3]));
        assert_eq!(speech.disk().allows(&[255; 3]), Ok(()));
    }
}

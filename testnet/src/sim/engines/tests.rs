//! Every engine's dialect is complete.

use super::*;
#[test]
fn what_is_no_message_is_shown_and_allowed() {
    for speech in EngineKind::ALL.map(speech) {
        assert!(!speech.message(&[255; 3]).is_empty() && !speech.timer(&[255; 3]).is_empty());
        assert_eq!(speech.disk().allows(&[255; 3]), Ok(()));
    }
}

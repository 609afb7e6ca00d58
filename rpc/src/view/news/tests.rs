use super::*;
use serde_json::json;
use witan_types::{EngineKind, Epoch, FaultModel, Hash, ValidatorIndex};

fn change(value: Option<ValueView>) -> StateNews {
    let at = ReadPoint { group: GroupId(2), height: 7, block_id: BlockId(Hash([1; 32])) };
    let next = Position { group: GroupId(2), height: 7, index: 3 };
    StateNews::Change(StateChange { key: Blob::from(b"k".as_slice()), value, version: 1 << 70, at, next })
}

fn round_trip<T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
}

#[test]
fn a_change_says_its_values_type_beside_its_own() {
    let news = change(Some(ValueView::Counter(-5)));
    let notification = Notification { seq: 4, told: Told::News(news) };
    assert_eq!(
        serde_json::to_value(&notification).unwrap(),
        json!({
            "seq": 4, "type": "change", "key": "0x6b", "value": "-5", "valueType": "counter",
            "version": "1180591620717411303424", "group": 2, "height": 7,
            "blockId": format!("0x{}", "01".repeat(32)),
            "next": {"group": 2, "height": 7, "index": 3},
        })
    );
    round_trip(&notification);
    round_trip(&Notification { seq: 1, told: Told::News(change(None)) });
    let list = ValueView::List(vec![Blob::from(b"a".as_slice())]);
    round_trip(&Notification { seq: 1, told: Told::News(change(Some(list))) });
}

#[test]
fn the_last_notification_is_no_news() {
    let resume_from = vec![Position { group: GroupId(1), height: 9, index: 0 }];
    let lagged: Notification<StateNews> =
        Notification { seq: 5, told: Told::Last(Last::Lagged { lagged: true, resume_from }) };
    assert_eq!(
        serde_json::to_value(&lagged).unwrap(),
        json!({"seq": 5, "type": "lagged", "lagged": true, "resumeFrom": [{"group": 1, "height": 9}]})
    );
    round_trip(&lagged);
    round_trip(&Notification::<TransactionNews> { seq: 2, told: Told::Last(Last::End) });
}

fn standing(view: u64) -> ConsensusStatusView {
    ConsensusStatusView {
        group: GroupId(1),
        engine: EngineKind::HotStuff,
        faults: FaultModel::Byzantine,
        epoch: Epoch(1),
        view,
        leader: Some(ValidatorIndex(0)),
        decided_height: 5,
        certified_height: 6,
        executed_height: 5,
        sealed_height: 4,
        consecutive_timeouts: 0,
        timed_out: Vec::new(),
        timer_running: true,
    }
}

#[test]
fn consensus_news_are_what_two_looks_have_not_in_common() {
    let before = standing(8);
    assert_eq!(ConsensusNews::since(None, &before), [ConsensusNews::View(before.clone())]);
    assert_eq!(ConsensusNews::since(Some(&before), &before), []);

    let now =
        ConsensusStatusView { view: 9, leader: Some(ValidatorIndex(1)), decided_height: 6, ..standing(8) };
    let news = [ConsensusNews::View(now.clone()), ConsensusNews::Decided(now.clone())];
    assert_eq!(
        ConsensusNews::since(Some(&before), &now),
        news,
        "a leader of another view is no news of its own"
    );

    let elected = ConsensusStatusView { leader: None, sealed_height: 5, ..standing(8) };
    let news = [ConsensusNews::Leader(elected.clone()), ConsensusNews::Sealed(elected.clone())];
    assert_eq!(ConsensusNews::since(Some(&before), &elected), news);

    let stuck = ConsensusStatusView { timed_out: vec![ValidatorIndex(3)], ..standing(8) };
    assert_eq!(ConsensusNews::since(Some(&before), &stuck), [ConsensusNews::Timeout(stuck.clone())]);
    assert_eq!(ConsensusNews::since(Some(&stuck), &before), [], "that nobody gives up any more is none");
    round_trip(&Notification { seq: 1, told: Told::News(ConsensusNews::Timeout(stuck)) });
}

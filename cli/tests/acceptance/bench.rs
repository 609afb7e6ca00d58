//! The benchmark says what it did, and loses nothing, also while validators are dead or killed.

use crate::command::{run, text};
use serde_json::{Value, json};
use witan_types::EngineKind;

stories! {
    from_nothing: [
        an_offered_load_is_committed_to_the_last_transaction_though_a_validator_is_dead_or_killed,
        clients_with_one_request_each_write_keys_that_were_there_before,
    ];
}

async fn bench(engine: EngineKind, arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine.to_string();
    let around = ["bench", "-e", &engine, "--warm-up", "500ms", "--for", "2s", "--json"];
    run(&[&around, arguments, &["--dir", text(folder.path())]].concat()).await.json()
}

async fn an_offered_load_is_committed_to_the_last_transaction_though_a_validator_is_dead_or_killed(
    engine: EngineKind,
) {
    let report = bench(engine, &["-n", "4", "--rate", "100", "--dead", "1"]).await;
    for (run, nodes) in [(&report, 4), (&report["with_dead"], 3), (&report["with_killed"], 4)] {
        // Five in a submission, of which one more or less falls into the window.
        let offered = run["offered"]["transactions"].as_u64().unwrap();
        assert!((195..=205).contains(&offered), "{run}");
        assert_eq!((&run["lost"], &run["failed"], &run["batch"]), (&json!(0), &json!(0), &json!(5)), "{run}");
        assert_eq!(run["nodes"], nodes, "{run}");
    }
    assert_eq!((&report["dead"], &report["offered"]["killed"]), (&json!(1), &Value::Null));
    assert_eq!(report["with_killed"]["offered"]["killed"]["nodes"], 1);
    assert!(report["with_killed"]["rss_mb_per_node"].as_array().unwrap().len() == 3, "one is gone: {report}");
}

async fn clients_with_one_request_each_write_keys_that_were_there_before(engine: EngineKind) {
    for batch in [1, 7] {
        let batch_text = batch.to_string();
        let arguments =
            ["-n", "1", "--clients", "3", "--batch", &batch_text, "--keys", "500", "--value-size", "20"];
        let report = bench(engine, &arguments).await;
        assert!(report["transactions"].as_u64().unwrap() > 0, "{report}");
        assert_eq!((&report["batch"], &report["keys"]), (&json!(batch), &json!(500)));
        assert_eq!((&report["lost"], &report["failed"]), (&json!(0), &json!(0)), "{report}");
        assert!(report["in_flight"].as_u64().unwrap() <= 3, "{report}");
    }
}

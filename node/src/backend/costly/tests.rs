use super::*;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use tokio::runtime::Builder;

/// Long enough for anything here: a test that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(60);

fn wait(end: &Receiver<()>) -> Result<(), RpcError> {
    end.recv_timeout(DEADLINE).map_err(|error: RecvTimeoutError| RpcError::internal(error.to_string()))
}

#[test]
fn others_are_answered_while_reads_take_their_time_and_only_so_many_do() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let reads = Arc::new(CostlyReads::new());
        let (begun, begins) = channel();
        let (ends, tasks): (Vec<Sender<()>>, Vec<_>) = (0..=MAX_COSTLY)
            .map(|number| {
                let (end, ended) = channel();
                let (reads, begun) = (Arc::clone(&reads), begun.clone());
                let read = move || {
                    begun.send(number).unwrap();
                    wait(&ended)
                };
                (end, tokio::spawn(async move { reads.run(read).await }))
            })
            .unzip();
        let first: Vec<usize> = (0..MAX_COSTLY).map(|_| begins.recv_timeout(DEADLINE).unwrap()).collect();
        // The only worker of the runtime answers this, though every read still waits.
        let answered = tokio::spawn(async { 7 });
        assert_eq!(tokio::time::timeout(DEADLINE, answered).await.unwrap().unwrap(), 7);
        assert!(begins.try_recv().is_err(), "the others have taken all turns");
        for number in first {
            ends[number].send(()).unwrap();
        }
        let last = begins.recv_timeout(DEADLINE).unwrap();
        ends[last].send(()).unwrap();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
    });
}

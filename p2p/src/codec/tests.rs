use super::*;
use futures::executor::block_on;
use futures::io::Cursor;
use proptest::prelude::*;

const BOUND: usize = 300;

proptest! {
    #[test]
    fn what_is_written_is_read_back_in_order(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=BOUND), 0..8)) {
        let mut wire = Cursor::new(Vec::new());
        for message in &messages {
            block_on(write_message(&mut wire, message, BOUND)).unwrap();
        }
        let mut wire = Cursor::new(wire.into_inner());
        for message in &messages {
            prop_assert_eq!(&block_on(read_message(&mut wire, BOUND)).unwrap(), message);
        }
        prop_assert_eq!(block_on(read_message(&mut wire, BOUND)).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn any_bytes_give_a_message_within_the_bound_or_an_error(bytes: Vec<u8>) {
        if let Ok(message) = block_on(read_message(&mut Cursor::new(&bytes), BOUND)) {
            prop_assert!(message.len() <= BOUND);
            prop_assert!(message.len() + LENGTH_BYTES <= bytes.len());
        }
    }
}

#[test]
fn a_claimed_length_over_the_bound_is_refused_before_its_bytes_arrive() {
    let claim = u32::MAX.to_le_bytes();
    let refused = block_on(read_message(&mut Cursor::new(&claim), BOUND)).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_message_over_the_bound_is_never_written() {
    let mut wire = Cursor::new(Vec::new());
    let refused = block_on(write_message(&mut wire, &[0; BOUND + 1], BOUND)).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    assert!(wire.into_inner().is_empty());
}

use super::*;
use crate::address::multiaddr_of;
use libp2p::identity::Keypair;
use std::net::SocketAddr;
use std::time::Duration;

fn peer(number: u8) -> PeerId {
    Keypair::ed25519_from_bytes([number; 32]).unwrap().public().to_peer_id()
}

fn address(ip: &str) -> Multiaddr {
    multiaddr_of(SocketAddr::new(ip.parse().unwrap(), 1))
}

fn open_network(limits: Limits) -> Behaviour {
    Behaviour::new(limits, BTreeSet::from([peer(0)]), None)
}

/// The whole of an inbound connection's start, as the swarm tells it.
fn arrive(behaviour: &mut Behaviour, number: usize, who: PeerId, ip: &str) -> Result<(), Refusal> {
    let (connection, local, remote) = (ConnectionId::new_unchecked(number), address("10.0.0.1"), address(ip));
    let refusal = |denied: ConnectionDenied| denied.downcast::<Refusal>().unwrap();
    behaviour.handle_pending_inbound_connection(connection, &local, &remote).map_err(refusal)?;
    behaviour.handle_established_inbound_connection(connection, who, &local, &remote).map_err(refusal)?;
    let endpoint = ConnectedPoint::Listener { local_addr: local, send_back_addr: remote };
    behaviour.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
        peer_id: who,
        connection_id: connection,
        endpoint: &endpoint,
        failed_addresses: &[],
        other_established: 0,
    }));
    Ok(())
}

#[test]
fn a_permissioned_network_admits_the_listed_and_the_validators() {
    let now = Instant::now();
    let behaviour =
        Behaviour::new(Limits::default(), BTreeSet::from([peer(0)]), Some(BTreeSet::from([peer(1)])));
    assert_eq!(behaviour.admits(&peer(0), now), Ok(()));
    assert_eq!(behaviour.admits(&peer(1), now), Ok(()));
    assert_eq!(behaviour.admits(&peer(2), now), Err(Refusal::NotListed));
}

#[test]
fn a_ban_ends_and_a_validators_ends_sooner() {
    let now = Instant::now();
    let limits = Limits::default();
    let mut behaviour = open_network(limits.clone());
    for who in [peer(0), peer(1)] {
        behaviour.ban(who, now);
        assert_eq!(behaviour.admits(&who, now), Err(Refusal::Banned));
    }
    assert_eq!(behaviour.admits(&peer(0), now + limits.validator_ban), Ok(()));
    assert_eq!(behaviour.admits(&peer(1), now + limits.validator_ban), Err(Refusal::Banned));
    assert_eq!(behaviour.admits(&peer(1), now + limits.ban), Ok(()));
}

#[test]
fn bans_are_bounded_and_the_first_to_end_makes_room() {
    let mut now = Instant::now();
    let mut behaviour = open_network(Limits::default());
    behaviour.ban(peer(1), now);
    for number in 0..MAX_BANS {
        now += Duration::from_micros(1);
        behaviour.ban(PeerId::from_bytes(&identity_multihash(number)).unwrap(), now);
    }
    assert_eq!(behaviour.banned.len(), MAX_BANS);
    assert_eq!(behaviour.admits(&peer(1), now), Ok(()));
}

fn identity_multihash(number: usize) -> Vec<u8> {
    let mut bytes = vec![0, 8];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
fn strangers_fill_their_places_and_a_validator_still_finds_room() {
    let mut behaviour = open_network(Limits { inbound: 3, ..Limits::default() });
    for number in 0..3 {
        assert_eq!(arrive(&mut behaviour, number, peer(1), &format!("10.0.1.{number}")), Ok(()));
    }
    assert_eq!(arrive(&mut behaviour, 3, peer(1), "10.0.1.9"), Err(Refusal::Inbound));
    assert_eq!(arrive(&mut behaviour, 4, peer(0), "10.0.1.9"), Ok(()));
}

#[test]
fn one_address_can_not_take_every_place() {
    let mut behaviour = open_network(Limits { inbound_per_address: 2, ..Limits::default() });
    for number in 0..2 {
        assert_eq!(arrive(&mut behaviour, number, peer(1), "10.0.1.1"), Ok(()));
    }
    assert_eq!(arrive(&mut behaviour, 2, peer(1), "10.0.1.1"), Err(Refusal::InboundFromAddress));
    assert_eq!(arrive(&mut behaviour, 3, peer(1), "::ffff:10.0.1.1"), Err(Refusal::InboundFromAddress));
    assert_eq!(arrive(&mut behaviour, 4, peer(1), "10.0.1.2"), Ok(()));
    for number in 5..10 {
        assert_eq!(
            arrive(&mut behaviour, number, peer(1), "127.0.0.1"),
            Ok(()),
            "a local network is one address"
        );
    }
}

#[test]
fn half_open_connections_are_bounded_by_address_and_in_sum() {
    let limits = Limits { pending_inbound: 4, pending_inbound_per_address: 3, ..Limits::default() };
    let mut behaviour = open_network(limits);
    let mut knock = |number: usize, ip: &str| {
        let connection = ConnectionId::new_unchecked(number);
        let knocked =
            behaviour.handle_pending_inbound_connection(connection, &address("10.0.0.1"), &address(ip));
        knocked.map_err(|denied| denied.downcast::<Refusal>().unwrap())
    };
    for number in 0..3 {
        assert_eq!(knock(number, "10.0.1.1"), Ok(()));
    }
    assert_eq!(knock(3, "10.0.1.1"), Err(Refusal::PendingFromAddress));
    assert_eq!(knock(4, "10.0.1.2"), Ok(()));
    assert_eq!(knock(5, "10.0.1.3"), Err(Refusal::Pending));
}

use super::*;
use libp2p::identity::Keypair;
use proptest::prelude::*;

fn node(seed: [u8; 32]) -> NodeId {
    let keypair = Keypair::ed25519_from_bytes(seed).unwrap();
    node_of(&keypair.public().to_peer_id()).unwrap()
}

proptest! {
    #[test]
    fn a_node_id_and_its_peer_id_name_each_other(seed: [u8; 32]) {
        let keypair = Keypair::ed25519_from_bytes(seed).unwrap();
        let peer = keypair.public().to_peer_id();
        let node = node_of(&peer).unwrap();
        prop_assert_eq!(node.0.0, keypair.public().try_into_ed25519().unwrap().to_bytes());
        prop_assert_eq!(peer_of(node), Some(peer));
    }

    #[test]
    fn a_shown_address_reads_back_the_same(seed: [u8; 32], ip: IpAddr, port: u16) {
        let address = PeerAddress::new(node(seed), SocketAddr::new(ip, port));
        prop_assert_eq!(address.to_string().parse(), Ok(address.clone()));
        prop_assert_eq!(address.socket(), Some(SocketAddr::new(ip, port)));
        prop_assert_eq!(socket_of(&multiaddr_of(SocketAddr::new(ip, port))), Some(SocketAddr::new(ip, port)));
    }

    #[test]
    fn no_text_panics_the_parser(text in ".{0,200}") {
        if let Ok(address) = text.parse::<PeerAddress>() {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
}

#[test]
fn a_host_name_is_kept_as_it_is() {
    let text = format!("{}@node-1.example:27000", node([1; 32]));
    let address: PeerAddress = text.parse().unwrap();
    assert_eq!((address.host.as_str(), address.port, address.socket()), ("node-1.example", 27000, None));
    assert_eq!(address.to_string(), text);
}

#[test]
fn an_address_without_node_port_or_host_is_refused() {
    let node = node([1; 32]);
    for text in
        ["", "127.0.0.1:1", &format!("{node}@127.0.0.1"), &format!("{node}@:1"), &format!("{node}@a b:1")]
    {
        assert_eq!(text.parse::<PeerAddress>(), Err(ParseAddressError(text.to_owned())));
    }
}

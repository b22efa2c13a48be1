//! Tests of the two pools, with permits that no socket stands behind.

use super::*;

const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 6));
const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
/// The service's own address.
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

fn acquire(limiter: &Arc<ConnectionLimiter>, peer: IpAddr) -> Arc<ConnectionPermit> {
    Arc::new(limiter.acquire(peer, OWN))
}

/// A connection that has shown a valid token in its request, which goes on.
fn known(limiter: &Arc<ConnectionLimiter>, peer: IpAddr, user: Option<&str>) -> (Arc<ConnectionPermit>, ActiveRequest) {
    let permit = acquire(limiter, peer);
    let request = permit.begin_request();
    permit.trust(user).unwrap();
    (permit, request)
}

fn evicted(permits: &[Arc<ConnectionPermit>]) -> Vec<bool> {
    permits.iter().map(|permit| permit.evicted.is_cancelled()).collect()
}

#[test]
fn a_stranger_takes_the_place_of_the_oldest_of_the_address_with_most() {
    let limiter = ConnectionLimiter::new(16);
    let mut all = vec![acquire(&limiter, FAR)];
    all.extend((0..3).map(|_| acquire(&limiter, NEAR)));
    // A request without a token protects from nothing.
    let _request = all[1].begin_request();
    all.push(acquire(&limiter, FAR));
    assert_eq!(evicted(&all), [false, true, false, false, false]);
    all.push(acquire(&limiter, FAR));
    assert_eq!(evicted(&all), [true, true, false, false, false, false]);
    assert_eq!(limiter.state.lock().open.len(), 4);
}

#[test]
fn strangers_push_out_nobody_with_a_valid_token() {
    let limiter = ConnectionLimiter::new(64);
    let known: Vec<_> = (0..48).map(|_| known(&limiter, FAR, None).0).collect();
    let strangers: Vec<_> = (0..200u8).map(|last| acquire(&limiter, [10, 1, 0, last].into())).collect();
    assert!(!evicted(&known).contains(&true), "idle, and they stay");
    assert_eq!(evicted(&strangers).iter().filter(|evicted| !**evicted).count(), 16, "a quarter");
}

#[test]
fn strangers_on_this_machine_have_a_sixteenth_whatever_address_they_take() {
    let limiter = ConnectionLimiter::new(64);
    let far: Vec<_> = (0..12).map(|_| acquire(&limiter, FAR)).collect();
    let here = [OWN, [127, 0, 0, 1].into(), [127, 9, 9, 9].into(), Ipv6Addr::LOCALHOST.into()];
    let mapped = Ipv4Addr::new(127, 0, 0, 2).to_ipv6_mapped().into();
    let local: Vec<_> = here.into_iter().chain([mapped]).map(|address| acquire(&limiter, address)).collect();
    assert_eq!(evicted(&local), [true, false, false, false, false]);
    assert!(!evicted(&far).contains(&true));
}

#[test]
fn a_client_has_one_address_in_a_network_of_ipv6() {
    let limiter = ConnectionLimiter::new(16);
    let network = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, last).into();
    let one = acquire(&limiter, FAR);
    let many: Vec<_> = (0..4).map(|last| acquire(&limiter, network(last))).collect();
    assert_eq!(evicted(&many), [true, false, false, false]);
    assert!(!one.evicted.is_cancelled());
}

#[test]
fn a_connection_with_a_valid_token_is_closed_only_while_it_is_idle() {
    let limiter = ConnectionLimiter::new(4);
    let (one, request) = known(&limiter, NEAR, None);
    let (two, upgrade) = known(&limiter, NEAR, None);
    let (three, third) = known(&limiter, NEAR, None);
    upgrade.upgraded();
    let four = acquire(&limiter, FAR);
    let fourth = four.begin_request();
    assert_eq!(four.trust(None), Err(Full::Service), "three quarters are in use");
    drop(request);
    assert_eq!(four.trust(None), Ok(()));
    assert_eq!(evicted(&[one, two, three, four]), [true, false, false, false]);
    drop((third, fourth));
    let state = limiter.state.lock();
    assert!(state.open.is_empty() && state.counts.values().all(|count| *count == 0), "each is counted once");
    assert!(state.closable.values().all(HashMap::is_empty));
}

#[test]
fn one_user_has_a_share_of_the_requests_in_progress() {
    let limiter = ConnectionLimiter::new(6400);
    let mut eve: Vec<_> = (0..200).map(|_| known(&limiter, FAR, Some("eve"))).collect();
    let more = acquire(&limiter, FAR);
    let request = more.begin_request();
    assert_eq!(more.trust(Some("eve")), Err(Full::User));
    assert_eq!(more.trust(Some("ada")), Ok(()));
    assert_eq!(more.trust(Some("eve")), Ok(()), "one request counts once");
    drop(request);
    let again = more.begin_request();
    assert_eq!(more.trust(Some("eve")), Err(Full::User), "each request has a user of its own");
    // An idle connection counts for none; a WebSocket counts until its end.
    let (permit, request) = eve.remove(0);
    request.upgraded();
    assert_eq!(more.trust(Some("eve")), Err(Full::User));
    drop(permit);
    assert_eq!(more.trust(Some("eve")), Ok(()));
    drop(more);
    drop(eve);
    assert_eq!(limiter.state.lock().requests.keys().collect::<Vec<_>>(), ["eve"], "that of the request in progress");
    drop(again);
    assert!(limiter.state.lock().requests.is_empty());
}

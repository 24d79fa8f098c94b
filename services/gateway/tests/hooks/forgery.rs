//! No forgery passes, whatever is changed.

use axum::http::HeaderValue;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;

use crate::world::{PUSH, SECRET, TOKEN, World, delivery, notification, sign};

/// Runs a property against one world.
fn check<S: Strategy>(
    cases: u32,
    strategy: &S,
    property: impl Fn(&Runtime, &World, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let result = runner.run(strategy, |value| property(&runtime, &world, value));
    let stored = runtime.block_on(world.stored());
    // The world's engine ends with its runtime.
    runtime.block_on(async { drop(world) });
    result.unwrap();
    assert!(stored.is_empty(), "no forgery should be stored");
}

#[test]
fn a_body_with_any_byte_changed_is_refused() {
    let change = (0..PUSH.len(), 1..=255_u8);
    check(500, &change, |runtime, world, (at, bits)| {
        let mut body = PUSH.as_bytes().to_vec();
        body[at] ^= bits;
        let mut request = delivery("d-1", body);
        request.headers_mut().insert("X-Hub-Signature-256", sign(SECRET, PUSH.as_bytes()).parse().unwrap());
        prop_assert_eq!(runtime.block_on(world.send(request)).status.as_u16(), 401);
        Ok(())
    });
}

#[test]
fn a_signature_with_any_byte_changed_is_refused() {
    let signature = sign(SECRET, PUSH.as_bytes()).into_bytes();
    let change = (0..signature.len(), 1..=255_u8);
    check(500, &change, |runtime, world, (at, bits)| {
        let mut forged = signature.clone();
        forged[at] ^= bits;
        // A value that is no header at all never reaches the gateway.
        let Ok(value) = HeaderValue::from_bytes(&forged) else {
            return Ok(());
        };
        let mut request = delivery("d-1", PUSH);
        request.headers_mut().insert("X-Hub-Signature-256", value);
        prop_assert_eq!(runtime.block_on(world.send(request)).status.as_u16(), 401);
        Ok(())
    });
}

#[test]
fn a_token_with_any_byte_changed_is_refused() {
    let header = format!("Bearer {TOKEN}").into_bytes();
    // The scheme's case does not matter, so only the token is changed.
    let change = ("Bearer ".len()..header.len(), 1..=255_u8);
    check(500, &change, |runtime, world, (at, bits)| {
        let mut forged = header.clone();
        forged[at] ^= bits;
        let Ok(value) = HeaderValue::from_bytes(&forged) else {
            return Ok(());
        };
        let mut request = notification(r#"{"version":"4","groupKey":"{}","receiver":"r","alerts":[]}"#);
        request.headers_mut().insert("Authorization", value);
        prop_assert_eq!(runtime.block_on(world.send(request)).status.as_u16(), 401);
        Ok(())
    });
}

#[test]
fn signed_nonsense_is_a_clear_error_and_never_our_trouble() {
    let nonsense = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        r#"[\[\]{}":,0-9a-z\\ ]{0,80}"#.prop_map(String::into_bytes),
    ];
    check(500, &nonsense, |runtime, world, body| {
        let status = runtime.block_on(world.send(delivery("d-1", body))).status.as_u16();
        // 403: an object, but of no repository of ours.
        prop_assert!(matches!(status, 400 | 403), "{}", status);
        Ok(())
    });
}

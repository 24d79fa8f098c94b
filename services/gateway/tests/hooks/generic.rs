//! Any webhook, by configuration.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, Sha512};

use crate::world::{Answer, NOW, OLD_SECRET, SECRET, World, sign, with_header};

const BODY: &str = r#"{"build":"b-7","state":"failed","name":"shop","at":1789999000,"steps":[1,2]}"#;
const TYPE: &str = r#"type: '"com.example.build." + body.state'"#;

fn source(rest: &str) -> String {
    format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: builds}}\nspec:\n  generic:\n{}",
        rest.lines().map(|line| format!("    {}", line.trim_end())).collect::<Vec<_>>().join("\n")
    )
}

fn post(body: impl Into<Bytes>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request =
        Request::post("/hooks/builds?team=blue&x=a%2Fb+c").header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.into())).unwrap()
}

fn bearer(body: impl Into<Bytes>) -> Request<Body> {
    post(body, &[("Authorization", &format!("Bearer {SECRET}"))])
}

async fn with_expressions(expressions: &str) -> World {
    World::declaring(&source(&format!("tokens: [{{env: T}}]\n{expressions}"))).await
}

#[tokio::test]
async fn expressions_make_the_attributes_and_the_body_stays_as_it_was() {
    let world = with_expressions(
        "type: '\"com.example.build.\" + body.state'\nid: headers[\"x-id\"] + query.x\nsubject: body.name\n\
         time: body.at\npartitionKey: query.team + string(body.steps.filter(s, s > 1)[0])",
    )
    .await;
    let request = with_header(bearer(BODY), "x-id", Some("7"));
    let answer = world.send(request).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let event = world.stored().await.remove(0);
    assert_eq!(
        (event.ty(), event.id(), event.source()),
        ("com.example.build.failed", "7a/b c", "/hooks/builds")
    );
    assert_eq!((event.subject(), &*event.partition_key()), (Some("shop"), "blue2"));
    assert_eq!(event.time().unwrap().timestamp(), 1_789_999_000);
    assert_eq!((event.body(), event.datacontenttype()), (BODY.as_bytes(), Some("application/json")));
}

#[tokio::test]
async fn without_an_id_the_same_request_is_the_same_event() {
    let world = with_expressions(TYPE).await;
    for (body, duplicate) in [(BODY, false), (BODY, true), (&BODY.replace("b-7", "b-8"), false)] {
        assert_eq!(world.send(bearer(body.to_owned())).await.json["duplicate"], duplicate, "{body}");
    }
    assert_eq!(world.stored().await.len(), 2);
}

#[tokio::test]
async fn an_expression_that_comes_to_nothing_useful_is_told_to_the_sender_and_counted() {
    for (expressions, field, about) in [
        (
            "type: body.nothing",
            "type",
            "`type` of this source cannot be evaluated with this request: No such key: nothing",
        ),
        (
            "type: body.steps",
            "type",
            "`type` of this source comes to a list with this request, not to a text",
        ),
        ("type: body.state\nid: 'null'", "id", "`id` of this source comes to nothing"),
        ("type: body.state\ntime: body.name", "time", "`time` of this source comes to another text"),
        ("type: body.state\nsubject: 1 == 1", "subject", "a truth value"),
        ("type: body.state\npartitionKey: body.steps[7]", "partitionKey", "cannot be evaluated"),
        ("type: '\"io.signalbox.\" + body.state'", "type", "no webhook may say that"),
    ] {
        let world = with_expressions(expressions).await;
        world.send(bearer(BODY)).await.assert_refused(422, about);
        for line in [
            r#"signalbox_gateway_requests_total{answer="unmappable",source_kind="generic"} 1"#.to_owned(),
            format!(r#"signalbox_gateway_expression_errors_total{{field="{field}"}} 1"#),
        ] {
            assert!(world.counts(&line), "{line}: {}", world.metrics());
        }
        assert!(world.stored().await.is_empty(), "{expressions}");
    }
}

#[tokio::test]
async fn an_expression_cannot_run_away_with_a_large_body() {
    let world = with_expressions("type: 'body.all(x, body.all(y, true)) ? \"a\" : \"b\"'").await;
    let body = format!("[{}0]", "0,".repeat(2_000));
    world.send(bearer(body)).await.assert_refused(422, "run over more than 500000 items");
}

#[tokio::test]
async fn expressions_do_not_see_what_proves_the_sender() {
    for header in ["authorization", "x-secret"] {
        let text = source(&format!(
            "header: {{name: X-Secret, values: [{{env: T}}]}}\ntype: '\"a\" + (\"{header}\" in headers ? \"seen\" : \"unseen\")'"
        ));
        let world = World::declaring(&text).await;
        let request = post(BODY, &[("X-Secret", SECRET), ("Authorization", "Bearer other")]);
        assert_eq!(world.send(request).await.json["type"], "aunseen");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let world = with_expressions(TYPE).await;
    let refused = async |request: Request<Body>| -> Answer { world.send(request).await };
    let header = |name, value| with_header(bearer(BODY), name, value);
    refused(header("authorization", None)).await.assert_refused(401, "Authorization is missing");
    refused(header("authorization", Some("Bearer wrong"))).await.assert_refused(401, "none of the tokens");
    refused(bearer(&BODY[..30])).await.assert_refused(400, "the body is not JSON: EOF");
    refused(bearer("")).await.assert_refused(400, "the body is not JSON");
    refused(header("content-type", Some("text/plain"))).await.assert_refused(415, "not application/json");
    refused(header("content-encoding", Some("gzip"))).await.assert_refused(415, "compressed");
    refused(bearer(vec![b' '; 9 << 20])).await.assert_refused(413, "larger than the limit");
    assert!(world.stored().await.is_empty());
}

fn mac(parts: &[&str]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

#[tokio::test]
async fn a_signature_with_its_time_proves_the_sender_for_a_while() {
    let text = source(&format!(
        "hmac: {{secrets: [{{env: T}}], header: X-Sig, prefix: 'v0=', signs: 'v0:{{timestamp}}:{{body}}', \
         timestamp: {{header: X-Time, tolerance: 5m}}}}\n{TYPE}"
    ));
    let world = World::declaring(&text).await;
    let send = async |time: String, signed: &str, body: &'static str| {
        let signature = format!("v0={}", hex::encode(mac(&["v0:", signed, ":", body])));
        world.send(post(body, &[("X-Sig", &signature), ("X-Time", &time)])).await
    };
    let now = NOW.timestamp();
    for off in [-300, 0, 300] {
        let time = (now + off).to_string();
        assert_eq!(send(time.clone(), &time, BODY).await.status, 202, "{off}");
    }
    let milliseconds = (now * 1000).to_string();
    assert_eq!(send(milliseconds.clone(), &milliseconds, BODY).await.status, 202);
    for off in [-301, 301] {
        let time = (now + off).to_string();
        send(time.clone(), &time, BODY)
            .await
            .assert_refused(401, "the time in the header x-time is too far from now");
    }
    send(now.to_string(), &(now - 1).to_string(), BODY)
        .await
        .assert_refused(401, "x-sig fits none of the secrets");
    send("yesterday".to_owned(), "yesterday", BODY)
        .await
        .assert_refused(401, "x-time does not have the form");
    let signature = format!("v0={}", hex::encode(mac(&["v0:", &now.to_string(), ":", BODY])));
    world
        .send(post(BODY, &[("X-Sig", &signature)]))
        .await
        .assert_refused(401, "the header x-time is missing");
    let time = now.to_string();
    world.send(post(BODY, &[("X-Time", &time)])).await.assert_refused(401, "the header x-sig is missing");
    for wrong in [&signature[3..], &signature[..40], "v0=", "v1=00", &format!("{signature}0")] {
        let request = post(BODY, &[("X-Sig", wrong), ("X-Time", &time)]);
        world.send(request).await.assert_refused(401, "x-sig does not have the form");
    }
}

#[tokio::test]
async fn any_algorithm_encoding_and_key_can_be_asked_for() {
    let text = source(&format!(
        "hmac: {{secrets: [{{env: T}}], header: X-Sig, algorithm: sha512, encoding: base64}}\n{TYPE}"
    ));
    let world = World::declaring(&text).await;
    let mut mac512 = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac512.update(BODY.as_bytes());
    let signature = STANDARD.encode(mac512.finalize().into_bytes());
    assert_eq!(world.send(post(BODY, &[("X-Sig", &signature)])).await.status, 202);
    let hex = sign(SECRET, BODY.as_bytes());
    world.send(post(BODY, &[("X-Sig", &hex)])).await.assert_refused(401, "does not have the form");

    // Standard Webhooks: several signatures, one of which fits; a key in Base64; another header that is signed.
    let text = source(&format!(
        "hmac: {{secrets: [{{env: T}}], key: base64, header: webhook-signature, prefix: 'v1,', encoding: base64, \
         signs: '{{webhook-id}}.{{timestamp}}.{{body}}', timestamp: {{header: webhook-timestamp}}}}\n{TYPE}"
    ));
    let world = World::declaring(&text).await;
    world.rotate("new", &format!("whsec_{}", STANDARD.encode(SECRET)));
    let time = NOW.timestamp().to_string();
    let fits = STANDARD.encode(mac(&["msg_1", ".", &time, ".", BODY]));
    let other = STANDARD.encode(mac(&["msg_2", ".", &time, ".", BODY]));
    let send = async |signature: &str| {
        let headers =
            [("webhook-id", "msg_1"), ("webhook-timestamp", &time), ("webhook-signature", signature)];
        world.send(post(BODY, &headers)).await
    };
    assert_eq!(send(&format!("v1,{other} v1,{fits}")).await.status, 202);
    send(&format!("v1,{other}")).await.assert_refused(401, "fits none");
    world.rotate("new", "not Base64!");
    send(&format!("v1,{fits}")).await.assert_come_again("secret");
}

#[tokio::test]
async fn basic_and_a_header_of_its_own_prove_the_sender_too() {
    let world =
        World::declaring(&source(&format!("basic: {{user: ci, passwords: [{{env: T}}]}}\n{TYPE}"))).await;
    let send = async |value: &str| world.send(post(BODY, &[("Authorization", value)])).await;
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    assert_eq!(send(&basic(&format!("ci:{SECRET}"))).await.status, 202);
    for wrong in [format!("cd:{SECRET}"), "ci:wrong".to_owned(), format!("ci:{SECRET}x"), ":".to_owned()] {
        let answer = send(&basic(&wrong)).await;
        answer.assert_refused(401, "the user or the password");
        assert_eq!(answer.headers["www-authenticate"], "Basic");
    }
    for wrong in ["Basic", "Basic !", &basic("no-colon"), "Bearer x"] {
        send(wrong).await.assert_refused(401, "is not `Basic`");
    }
    world.send(post(BODY, &[])).await.assert_refused(401, "Authorization is missing");

    let text = source(&format!("header: {{name: X-Secret, values: [{{env: T}}, {{env: U}}]}}\n{TYPE}"));
    let world = World::declaring(&text).await;
    let send = async |value: &str| world.send(post(BODY, &[("X-Secret", value)])).await;
    assert_eq!(send(SECRET).await.status, 202);
    send(OLD_SECRET).await.assert_refused(401, "the header x-secret fits none of the secrets");
    // A rotated secret counts from the next request on.
    world.rotate("new", OLD_SECRET);
    assert_eq!(send(OLD_SECRET).await.status, 202);
    world.lose("new");
    send(SECRET).await.assert_come_again("secret");
}

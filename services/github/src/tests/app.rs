//! As an App: what is signed, and what is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::{World, at, header};
use crate::Error;

const PKCS1: &str = include_str!("keys/pkcs1.pem");
const PKCS8: &str = include_str!("keys/pkcs8.pem");
const PUBLIC: &[u8] = include_bytes!("keys/public.der");

/// The claims of a JWT that the key has signed.
fn claims(shown: &str) -> Value {
    let jwt = shown.strip_prefix("Bearer ").unwrap();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC)
        .verify(signed.as_bytes(), &signature)
        .expect("the App's key signed it");
    let (header, claims) = signed.split_once('.').unwrap();
    let part = |text| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    assert_eq!(part(header), json!({"alg": "RS256", "typ": "JWT"}));
    part(claims)
}

/// Gives a token for each JWT, by a count of them.
fn as_github(request: &Request) -> ResponseTemplate {
    if request.url.path() == "/api/v3/app/installations/5/access_tokens" {
        assert_eq!(request.method.as_str(), "POST");
        let now = claims(header(request, "authorization"))["iat"].as_i64().unwrap();
        return ResponseTemplate::new(201)
            .set_body_json(json!({"token": format!("ghs_{now}"), "expires_at": "2026-11-24T11:00:00Z"}));
    }
    ResponseTemplate::new(200).set_body_json(json!([]))
}

#[tokio::test]
async fn both_forms_of_the_key_sign_a_jwt_that_github_takes() {
    for key in [PKCS1, PKCS8] {
        let world = World::with_app(key, None).await;
        world.answers(as_github).await;
        world.github.get("/app/hook/deliveries", None).await.unwrap();
        let claims = claims(header(&world.requests().await[0], "authorization"));
        let now = at(super::NOW).timestamp();
        assert_eq!(claims, json!({"iss": "Iv23abc", "iat": now - 60, "exp": now + 540}));
    }
}

#[tokio::test]
async fn the_token_of_the_installation_is_kept_until_shortly_before_it_expires() {
    let world = World::with_app(PKCS1, Some(5)).await;
    world.answers(as_github).await;
    let asked = async |path: &str| world.github.get(path, None).await.map(drop);
    asked("/repos/acme/shop").await.unwrap();
    world.later(54 * 60);
    asked("/repos/acme/shop").await.unwrap();
    assert_eq!(world.requests().await.len(), 3, "one token for two questions");
    world.later(60);
    asked("/repos/acme/shop").await.unwrap();
    let requests = world.requests().await;
    let shown: Vec<&str> = requests.iter().map(|request| header(request, "authorization")).collect();
    let first = at(super::NOW).timestamp() - 60;
    assert_eq!(shown[1], format!("Bearer ghs_{first}"));
    assert_eq!(shown[2], shown[1]);
    assert_eq!(shown[4], format!("Bearer ghs_{}", first + 55 * 60));
}

#[tokio::test]
async fn a_token_that_github_takes_no_more_is_forgotten() {
    let world = World::with_app(PKCS1, Some(5)).await;
    world
        .answers(|request| match request.url.path() {
            "/api/v3/gone" => ResponseTemplate::new(401).set_body_json(json!({"message": "Bad credentials"})),
            _ => as_github(request),
        })
        .await;
    let error = world.github.get("/gone", None).await.unwrap_err().to_string();
    assert!(error.contains("is the App still installed, and not suspended?"), "{error}");
    world.github.get("/repos/acme/shop", None).await.unwrap();
    assert_eq!(world.requests().await.len(), 4, "another token was got");
}

#[tokio::test]
async fn an_app_without_an_installation_says_so() {
    let world = World::with_app(PKCS1, None).await;
    world.answers(as_github).await;
    let error = world.github.get("/repos/acme/shop/hooks", None).await.unwrap_err();
    assert!(matches!(error, Error::NoInstallation), "{error}");
    assert!(error.to_string().contains("name it (`installation`"), "{error}");
    assert!(world.requests().await.is_empty());
}

#[tokio::test]
async fn an_installation_that_is_gone_or_a_jwt_that_is_refused_says_so() {
    let world = World::with_app(PKCS1, Some(5)).await;
    world.answers(|_| ResponseTemplate::new(404).set_body_json(json!({"message": "Not Found"}))).await;
    let error = world.github.get("/repos/acme/shop", None).await.unwrap_err().to_string();
    assert!(error.contains("POST /app/installations/5/access_tokens"), "{error}");
    world
        .answers(|_| {
            let said =
                json!({"message": "'Issued at' claim ('iat') must be an Integer representing the time"});
            ResponseTemplate::new(401).set_body_json(said)
        })
        .await;
    let error = world.github.get("/app", None).await.unwrap_err().to_string();
    assert!(error.contains("is the clock of this machine right?"), "{error}");
}

#[tokio::test]
async fn a_key_that_cannot_sign_says_what_would_be_right() {
    for (key, said) in [
        ("ssh-rsa AAAA", "it is no private key in PEM"),
        (include_str!("keys/short.pem"), "it is no RSA key that can sign"),
        (include_str!("keys/ec8.pem"), "another kind than RSA"),
    ] {
        let world = World::with_app(key, Some(5)).await;
        let error = world.github.get("/app", None).await.unwrap_err();
        let Error::Key(cause) = &error else { panic!("{error}") };
        assert!(cause.to_string().contains(said), "{cause}");
        assert!(!format!("{error:?}").contains("BEGIN"), "the key is not shown");
    }
}
